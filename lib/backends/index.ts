/** @module What `guildwire/backend` exports: what a backend of one's own is made of, besides the port in `guildwire`. */
export { type Admission, admissionOf, follows } from '../core/admission.ts';
export { decodeMessage, encodeMessage, unknownFields } from '../core/codec.ts';
export { deadLetterTopic } from '../core/dead-letter.ts';
export { deliveryKey } from '../core/delivery-key.ts';
export { type Fault, faultOf } from '../core/fault.ts';
export { firstIdOf, gemstoneIdProblem, lastIdOf } from '../core/gemstone-id.ts';
export { freezeJson, jsonBytes, sameJson } from '../core/json.ts';
export { platformDraft } from '../core/platform-draft.ts';
export { covers, isPlatformOnly, isReserved, MAX_AGENT_NAME, MAX_NAMESPACE, nameProblem } from '../core/topic.ts';
export { DEFAULT_RETENTION_DAYS } from '../core/topic-family.ts';
export { parseCursor, toCursor } from './cursor.ts';
export { noUploads, type Upload, type UploadPlace, type Uploads } from './uploads.ts';
