/** What the element is doing; also its attribute `state`. */
export type AtripLinkState = 'idle' | 'busy' | 'done' | 'failed';

/** Why it failed: the broker's code, or one of the element's own. */
export type AtripLinkCode =
  | 'InvalidRequest' | 'NotPermitted' | 'NotFound' | 'MethodNotAllowed' | 'BodyTooLarge' | 'UnsupportedMediaType'
  | 'AtlasRateLimited' | 'AtlasFailed' | 'AtlasRefused' | 'SecretUnavailable' | 'AtlasUnavailable' | 'AtlasTimeout' | 'Internal'
  | 'SignInExpired' | 'Throttled' | 'Unavailable' | 'Timeout' | 'Unreachable' | 'PopupBlocked' | 'Failed';

/** The detail of `atrip-failed`. There is never a url in it. */
export interface AtripLinkFailure {
  code: AtripLinkCode;
  /** The text that the operator sees. */
  message: string;
  /** Seconds until the button works again; 0 when at once. */
  retryAfter: number;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The request id to quote, where there is one. */
  requestId?: string | null;
}

/** Texts by key: label, newTab, busy, done, reference, copy, copied, or a code. */
export type AtripLinkTexts = Record<string, string>;

/** A button that opens an order in ATRIP. See README.md next to this file. */
export class AtripLink extends HTMLElement {
  /** Adds a language by its tag, such as zh or zh-hant, or replaces texts of one that is there. */
  static addTexts(language: string, texts: AtripLinkTexts): void;
  /** Returns the Authorization header's value, or a promise of it. After a 401 it is called once more, with refused: true. */
  getAuthorization?: ((request: { refused: boolean }) => string | undefined | Promise<string | undefined>) | null;
  /** Also set by a fieldset that is disabled. */
  disabled: boolean;
  readonly state: AtripLinkState | null;
  /** Does what a click does; browsers let it open a tab only from within a user's gesture. */
  open(): Promise<void>;
}

/** The attributes and the function, as the templates of frameworks take them. */
export interface AtripLinkAttributes {
  endpoint: string;
  'order-no': string;
  role?: string;
  /** The role under a name that tools do not read as an ARIA role. */
  'atrip-role'?: string;
  'user-name'?: string;
  account?: string;
  timeout?: number | string;
  disabled?: boolean;
  lang?: string;
  getAuthorization?: AtripLink['getAuthorization'];
  [text: `text-${string}`]: string | undefined;
}

export interface AtripLinkEvents {
  'atrip-idle': CustomEvent<null>;
  'atrip-busy': CustomEvent<null>;
  'atrip-done': CustomEvent<null>;
  'atrip-failed': CustomEvent<AtripLinkFailure>;
}

/** The events as React and Svelte name their listeners, such as `onatrip-done`. */
export type AtripLinkListeners = { [E in keyof AtripLinkEvents as `on${E}`]?: (event: AtripLinkEvents[E]) => void };

declare global {
  interface HTMLElementTagNameMap {
    'atrip-link': AtripLink;
  }
  interface HTMLElementEventMap extends AtripLinkEvents {}
}
