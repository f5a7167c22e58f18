// Signing in by OpenID Connect: authorization code with PKCE, as a browser application does it (RFC 7636, RFC 9700).

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

export class Session {
  #config;
  #token = sessionStorage.getItem('token');

  constructor(config) {
    this.#config = config;
  }

  /** The access token; throws when there is none or it is too old. */
  token() {
    if (!this.claims() || this.expired()) throw new Error('not signed in');
    return this.#token;
  }

  /** What the token says of the operator, or null. The gateway checks the token; this only shows it. */
  claims() {
    try {
      const body = this.#token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
      const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (c) => c.charCodeAt(0))));
      return claims.email && claims.exp ? claims : null;
    } catch {
      return null; // no token, or one that something else wrote
    }
  }

  /** Whether the token is too old. */
  expired() {
    return this.claims()?.exp * 1000 <= Date.now();
  }

  /** Leaves for the identity provider's sign-in page. */
  async begin() {
    const verifier = random();
    const state = random();
    sessionStorage.setItem('sign-in', JSON.stringify({ verifier, state }));
    const challenge = base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
    const { authorization_endpoint: page } = await this.#discover();
    location.assign(`${page}?${new URLSearchParams({
      client_id: this.#config.clientId, redirect_uri: this.#config.redirectUri, response_type: 'code',
      scope: this.#config.scope, state, code_challenge: challenge, code_challenge_method: 'S256',
    })}`);
  }

  /** Takes the code that the identity provider sent the browser back with, if it did. Throws when the sign-in failed. */
  async finish() {
    const query = new URLSearchParams(location.search);
    if (!query.has('code') && !query.has('error')) return;
    history.replaceState(null, '', location.pathname);
    if (query.has('error')) throw new Error(query.get('error'));
    const begun = JSON.parse(sessionStorage.getItem('sign-in') ?? '{}');
    sessionStorage.removeItem('sign-in');
    if (query.get('state') !== begun.state) throw new Error('state');
    const { token_endpoint: endpoint } = await this.#discover();
    const response = await fetch(endpoint, {
      method: 'POST', credentials: 'omit',
      body: new URLSearchParams({
        grant_type: 'authorization_code', client_id: this.#config.clientId, redirect_uri: this.#config.redirectUri,
        code: query.get('code'), code_verifier: begun.verifier,
      }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    this.#token = answer.access_token;
    sessionStorage.setItem('token', this.#token);
  }

  /** Forgets the token. */
  end() {
    this.#token = null;
    sessionStorage.removeItem('token');
  }

  async #discover() {
    return (await fetch(`${this.#config.issuer}/.well-known/openid-configuration`, { credentials: 'omit' })).json();
  }
}
