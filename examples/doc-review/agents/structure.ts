import { checkStructure } from '../checks/structure.ts';
import { defineSpecialist } from './specialist.ts';

/** Looks at the document as a whole: headings and references reach over chunks. */
export default defineSpecialist('structure', import.meta.url, ({ text }) => checkStructure(text));
