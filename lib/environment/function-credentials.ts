/**
 * @module The credentials of a function's role, which Lambda puts into its environment
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). Bundles of functions have this module in the place
 * of `@aws-sdk/credential-provider-node`: the other ways to find credentials (profiles, SSO, instance metadata) do not
 * occur in a function, and weigh 100 KB.
 */

export interface FunctionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** As the SDK calls it. */
export const defaultProvider = () => async (): Promise<FunctionCredentials> => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new Error(
      'no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, as Lambda sets them for the role of a function',
    );
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  };
};
