/** `guildwire` from a checkout, on its sources. */
import '../lib/cli/main.ts';
