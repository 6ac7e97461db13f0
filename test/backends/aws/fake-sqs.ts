/** A queue that hands out what a test gives it, and remembers what it was told. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
  readonly VisibilityTimeout?: number;
}

export interface FakeMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly Attributes: Readonly<Record<string, string>>;
}

export class FakeSqs implements AsyncDisposable {
  /** Handed out by the next polls, ten at a time. */
  messages: FakeMessage[] = [];
  /** Receipt handles that were deleted, and the last seconds that others are hidden for. */
  readonly deleted: string[] = [];
  readonly hidden = new Map<string, number>();
  /** The queues that were told anything. */
  readonly told = new Set<string>();
  /** How many polls were made at once, at most. */
  mostPolls = 0;
  /** Of a batch: the entries that the answer leaves out, and the code of those that it names as failed. */
  leaveOut: (entry: Entry) => boolean = () => false;
  fail: (entry: Entry) => string | undefined = () => undefined;
  #polls = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const input = JSON.parse(Buffer.concat(chunks).toString());
      const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
      if (operation !== 'ReceiveMessage') this.told.add(input.QueueUrl);
      const answer =
        operation === 'ReceiveMessage' ? await this.#receive(input) : this.#batch(operation, input.Entries);
      outgoing.setHeader('content-type', 'application/x-amz-json-1.0');
      outgoing.end(JSON.stringify(answer));
    });
  }

  static async open(): Promise<FakeSqs> {
    const fake = new FakeSqs();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #receive({ MaxNumberOfMessages, WaitTimeSeconds }: { MaxNumberOfMessages: number; WaitTimeSeconds: number }) {
    this.mostPolls = Math.max(this.mostPolls, ++this.#polls);
    // So that polls that are made at once are seen to be.
    await new Promise((resolve) => setImmediate(resolve));
    const taken = this.messages.splice(0, MaxNumberOfMessages);
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const Messages = taken.map((message) => ({ ...message, MD5OfBody: md5(message.Body) }));
    if (Messages.length === 0 && WaitTimeSeconds > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#polls--;
    return { Messages };
  }

  #batch(operation: string, entries: readonly Entry[]) {
    const Successful: { Id: string }[] = [];
    const Failed: { Id: string; Code: string; SenderFault: boolean }[] = [];
    for (const entry of entries) {
      const Code = this.fail(entry);
      if (this.leaveOut(entry)) continue;
      if (Code !== undefined) {
        Failed.push({ Id: entry.Id, Code, SenderFault: Code !== 'InternalError' });
        continue;
      }
      Successful.push({ Id: entry.Id });
      if (operation === 'DeleteMessageBatch') this.deleted.push(entry.ReceiptHandle);
      else this.hidden.set(entry.ReceiptHandle, entry.VisibilityTimeout ?? -1);
    }
    return { Successful, Failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
