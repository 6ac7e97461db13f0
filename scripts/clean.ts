/** Removes what a build made, so that `dist` never holds files whose sources are gone. */
import { rmSync } from 'node:fs';

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
