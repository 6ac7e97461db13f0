import { checkClarity } from '../checks/clarity.ts';
import { defineSpecialist } from './specialist.ts';

export default defineSpecialist('clarity', import.meta.url, checkClarity);
