import { checkTone } from '../checks/tone.ts';
import { defineSpecialist } from './specialist.ts';

export default defineSpecialist('tone', import.meta.url, checkTone);
