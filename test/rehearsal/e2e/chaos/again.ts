import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { EndedInvocation } from '../../../../lib/rehearsal/functions/invocation.ts';
import type { Rehearsal } from '../../../../lib/rehearsal/rehearsal.ts';

interface QueuedRecord {
  readonly body: string;
  readonly eventSourceARN: string;
  readonly attributes: { readonly MessageGroupId?: string };
}

/** Hands out once more whatever an ordered agent was handed: SNS and SQS keep no FIFO entry twice that is sent in five minutes. */
export class Again {
  #client: SQSClient | undefined;
  #sqs = '';
  readonly #sent = new Set<string>();

  get count(): number {
    return this.#sent.size;
  }

  open({ endpoints, region, credentials }: Rehearsal): void {
    this.#sqs = endpoints.sqs;
    this.#client = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  }

  ended({ event }: EndedInvocation): void {
    const { Records = [] } = JSON.parse(event) as { readonly Records?: readonly QueuedRecord[] };
    for (const { body, eventSourceARN = '', attributes } of Records) {
      if (!eventSourceARN.endsWith('.fifo')) continue;
      const { topic, id } = JSON.parse(body) as { readonly topic: string; readonly id: string };
      const name = `${eventSourceARN} ${topic}/${id}`;
      if (this.#sent.has(name)) continue;
      this.#sent.add(name);
      const [account, queue] = eventSourceARN.split(':').slice(4);
      const command = new SendMessageCommand({
        QueueUrl: `${this.#sqs}/${account}/${queue}`,
        MessageBody: body,
        MessageGroupId: attributes.MessageGroupId,
        MessageDeduplicationId: `again-${id}`,
      });
      void this.#client?.send(command);
    }
  }
}
