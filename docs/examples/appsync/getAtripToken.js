// AppSync resolver (APPSYNC_JS 1.0.0) for the data source that invokes the broker's alias `api`. A direct Lambda resolver does
// the same without code; this one does not pass on the client's headers and makes the broker's code the GraphQL error's type.
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  return { operation: 'Invoke', payload: { arguments: ctx.args, identity: ctx.identity, info: ctx.info } };
}

export function response(ctx) {
  if (ctx.error) {
    util.error(ctx.error.message, ctx.error.type);
  }
  return ctx.result;
}
