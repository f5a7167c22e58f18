// Asks the broker for a link with fetch, for pages that do not use <atrip-link>, and for servers that hold an operator's token.
// For a page, see web/README.md on pop-up blockers and on where the url must not be stored.

/** The error that the broker or API Gateway answered. */
export class BrokerError extends Error {
  constructor(status, body, headers) {
    super(body?.detail ?? body?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code; // undefined in API Gateway's own errors
    this.requestId = body?.instance ?? headers.get('apigw-requestid');
    this.retryAfter = Number(headers.get('retry-after') ?? 0);
    this.errors = body?.errors ?? [];
  }
}

/** Returns the url that opens an order: {orderNo, role}, with userName if it is not the token's. */
export async function askForLink(endpoint, accessToken, order) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${accessToken}` },
    body: JSON.stringify(order),
    redirect: 'error',
    referrerPolicy: 'no-referrer',
    signal: AbortSignal.timeout(30_000),
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new BrokerError(response.status, body, response.headers);
  if (!/^https?:\/\//.test(body?.url)) throw new Error('The answer has no link to a web page.'); // a javascript: url would run in the page
  return body.url;
}
