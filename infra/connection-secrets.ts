import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { ConnectionSettings } from '../src/config/lakeferry-config.ts';

export interface ConnectionSecretsProps {
  readonly connections: ConnectionSettings;
  /** `create` makes the named secrets, empty; `existing` presumes that they are there. */
  readonly secrets: 'create' | 'existing';
  /** Encrypts the secrets, where it is not Secrets Manager's own key. */
  readonly secretsKey?: IKey | undefined;
}

const FORMS = {
  databricks: '{"token": …} or {"clientId": …, "clientSecret": …}',
  neon: '{"url": …, "directUrl": …}',
} as const;

/** The ways into the two databases. Their values never pass through CloudFormation. */
export class ConnectionSecrets extends Construct {
  /** What a function may do to read them. */
  readonly statements: readonly PolicyStatement[];

  constructor(scope: Construct, id: string, { connections, secrets, secretsKey }: ConnectionSecretsProps) {
    super(scope, id);
    const arns = (['databricks', 'neon'] as const).flatMap((connection) => {
      const name = connections[connection].secret;
      if (name === undefined) return [];
      const made = secrets === 'create' && !name.startsWith('arn:');
      return made ? [this.#create(connection, name, secretsKey)] : [this.#arnOf(name)];
    });
    const read = { actions: ['secretsmanager:GetSecretValue'], resources: arns };
    const decrypt = { actions: ['kms:Decrypt'], resources: secretsKey ? [secretsKey.keyArn] : [] };
    this.statements = [read, decrypt]
      .filter(({ resources }) => resources.length > 0)
      .map((statement) => new PolicyStatement(statement));
  }

  #create(connection: keyof typeof FORMS, name: string, key: IKey | undefined): string {
    const secret = new CfnSecret(this, connection === 'neon' ? 'Neon' : 'Databricks', {
      name,
      description: `Lakeferry's way into ${connection}: ${FORMS[connection]}. Fill it with: aws secretsmanager put-secret-value --secret-id ${name} --secret-string file://secret.json`,
      ...(key === undefined ? {} : { kmsKeyId: key.keyArn }),
    });
    secret.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Databricks and Neon issue the credential: no AWS function can rotate it. A new value is taken up without a deploy.',
    });
    return secret.ref;
  }

  /** Secrets Manager ends the ARN of a secret with six characters that only it knows. */
  #arnOf(name: string): string {
    if (name.startsWith('arn:')) return /-[A-Za-z0-9]{6}$/.test(name) ? name : `${name}-??????`;
    return Stack.of(this).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${name}-??????`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }
}
