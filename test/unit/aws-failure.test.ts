import { describe, expect, it } from 'vitest';
import { readAwsFailure } from '../../src/error/aws-failure.ts';

const named = (name: string, httpStatusCode: number) =>
  readAwsFailure(Object.assign(new Error(), { name, $metadata: { httpStatusCode } }));

describe('the error of an AWS service', () => {
  // As the SDK's clients name them, and with the status that the services send.
  it.each([
    ['Lambda', 'EC2ThrottledException', 502],
    ['Lambda', 'TooManyRequestsException', 429],
    ['SNS', 'KMSThrottlingException', 400],
    ['SNS', 'ThrottledException', 429],
    ['SNS, STS and CloudWatch', 'Throttling', 400],
    ['SQS', 'KmsThrottled', 400],
    ['SQS', 'RequestThrottled', 400],
    ['DynamoDB', 'ProvisionedThroughputExceededException', 400],
    ['the others', 'ThrottlingException', 400],
  ])('of %s, %s is throttling, whatever its status', (_, name, status) => {
    expect(named(name, status)).toEqual({ reason: 'throttled', code: name, httpStatus: status });
  });

  it.each([
    ['CloudWatch', 'KmsAccessDeniedException', 403],
    ['Lambda', 'KMSAccessDeniedException', 502],
    ['SQS', 'KmsAccessDenied', 400],
  ])('of %s, %s is a missing right on a key', (_, name, status) => {
    expect(named(name, status)).toMatchObject({ reason: 'forbidden' });
  });
});
