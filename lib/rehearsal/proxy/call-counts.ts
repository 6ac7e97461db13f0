/** @module How often functions called each service, and what DynamoDB charges for it. */
import { type CapacityUnits, capacityIn } from './consumed-capacity.ts';
import type { ServiceCall } from './faults.ts';

export interface CallSummary {
  /** By service, then by operation: `calls.dynamodb.PutItem`. Retries of the SDK count as well. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The same for each function: `callsOf['Stack-Relay'].sns.PublishBatch`. */
  readonly callsOf: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
  /** Of DynamoDB, as the emulator has it; what was refused is not in it. */
  readonly capacityUnits: CapacityUnits;
  /** Calls that went wrong because the proxy's hook said so. */
  readonly faults: number;
}

export class CallCounts {
  readonly #calls: Record<string, Record<string, number>> = {};
  readonly #callsOf: Record<string, Record<string, Record<string, number>>> = {};
  #read = 0;
  #write = 0;
  #faults = 0;

  begun({ service, operation, functionName }: ServiceCall, faulty: boolean): void {
    count(this.#calls, service, operation);
    if (functionName !== undefined) {
      this.#callsOf[functionName] ??= {};
      count(this.#callsOf[functionName], service, operation);
    }
    if (faulty) this.#faults++;
  }

  answered({ service, operation }: ServiceCall, answer: Buffer): void {
    if (service !== 'dynamodb') return;
    const { read, write } = capacityIn(operation, answer);
    this.#read += read;
    this.#write += write;
  }

  summary(): CallSummary {
    const capacityUnits = { read: this.#read, write: this.#write };
    return structuredClone({ calls: this.#calls, callsOf: this.#callsOf, capacityUnits, faults: this.#faults });
  }
}

function count(counts: Record<string, Record<string, number>>, service: string, operation: string): void {
  counts[service] = { ...counts[service], [operation]: (counts[service]?.[operation] ?? 0) + 1 };
}
