import { checkGrammar } from '../checks/grammar.ts';
import { defineSpecialist } from './specialist.ts';

export default defineSpecialist('grammar', import.meta.url, checkGrammar);
