// <atrip-link>: a button that opens an order in ATRIP, signed in as the operator.
//
//   <script type="module" src="atrip-link.js"></script>
//   <atrip-link endpoint="https://api.example.com/getAtripToken.do"
//               order-no="XPFIW20220209163159425" role="Customer service"></atrip-link>
//   document.querySelector('atrip-link').getAuthorization = async () => `Bearer ${await accessToken()}`;
//
// README.md next to this file lists attributes, events, parts, custom properties and texts.
//
// The url that the endpoint answers with signs its bearer in. It goes into one navigation of one tab and nowhere else:
// not into an attribute, a document, an event, the console, storage or the history.

const STYLE = `
:host { display: inline-block; --blue: light-dark(#1a56c4, #8ab4f8) }
:host([hidden]), p:empty { display: none }
button { display: inline-flex; align-items: center; gap: .5em; min-height: 2.25em; padding: .4em .9em; cursor: pointer;
 font: inherit; font-weight: 600; color: var(--atrip-color, light-dark(#fff, #0b1626)); background: var(--atrip-background, var(--blue));
 border: 1px solid var(--atrip-border-color, transparent); border-radius: var(--atrip-radius, .5em) }
button:hover { filter: brightness(1.1) }
button:focus-visible { outline: 3px solid var(--atrip-focus-color, var(--blue)); outline-offset: 2px }
:disabled, [aria-disabled=true] { cursor: default; filter: none }
:disabled, .rests { color: light-dark(#3f4a5a, #c3cddc); background: light-dark(#e3e8f0, #2a3342) }
i { width: .85em; height: .85em; border: .14em solid; border-top-color: transparent; border-radius: 50%;
 animation: turn 1s linear infinite }
@keyframes turn { to { rotate: 1turn } }
@media (prefers-reduced-motion) { i { animation: none } }
p { margin: .4em 0 0; max-width: 34em; font-size: .875em; color: var(--atrip-message-color, light-dark(#a3161f, #ffb4ab)) }
p, span { overflow-wrap: break-word }
small { display: flex; gap: .5em; align-items: center; font-size: 1em; width: 0; min-width: 100% }
code { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
small button { min-height: 0; padding: .1em .5em; font-weight: 400; color: inherit; background: none; border-color: currentcolor }
[role=status] { display: block; margin-top: .3em; font-size: .875em }
.heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
`;
let sheet; // made with the first element: a module may be imported where there is no DOM

// Texts by language; atrip-link.zh.js adds Chinese. {n} is a number of seconds. A code without a text has that of Failed.
const TEXTS = {
  en: {
    label: 'Open [order {order} ]in ATRIP', // only screen readers say what is in brackets
    newTab: 'opens in a new tab',
    busy: 'Opening ATRIP…',
    done: 'ATRIP is open in a new tab.',
    reference: 'Request',
    copy: 'Copy',
    copied: 'Copied',
    InvalidRequest: 'ATRIP cannot open this order: its number, user name or role is not valid.',
    NotPermitted: 'You may not open this order in this role. Ask whoever manages your access.',
    SignInExpired: 'Your sign-in has expired. Sign in again, then open the order once more.',
    Throttled: 'ATRIP is busy. Try again in {n} seconds.',
    AtlasFailed: 'ATRIP could not open this order. It may not know the order, or be in trouble. Try again later.',
    AtlasRefused: 'ATRIP does not accept this system’s credentials. Trying again will not help: tell your support.',
    Unavailable: 'ATRIP cannot be reached. Try again in {n} seconds.',
    Timeout: 'ATRIP did not answer in time. Try again.',
    Unreachable: 'This page cannot reach ATRIP. Check your connection; you may have to sign in again.',
    PopupBlocked: 'The browser blocked the new tab. Allow pop-ups for this site, then try again.',
    Failed: 'ATRIP could not be opened. Try again; if it keeps failing, tell your support.',
  },
};

// The broker's codes that share a text with another one.
const SAME = {
  AtlasRateLimited: 'Throttled', SecretUnavailable: 'Unavailable', AtlasUnavailable: 'Unavailable', AtlasTimeout: 'Timeout',
};

// What API Gateway answers by itself has no code, only a status and {"message"}.
const BY_STATUS = { 401: 'SignInExpired', 403: 'NotPermitted', 429: 'Throttled', 503: 'Unavailable' };

// What an answer says is used as a key of these objects, and shown: own members only, and texts of a sane length.
const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : undefined);
const short = (value) => (typeof value === 'string' ? value.slice(0, 200) : undefined);

const all = new Set(); // the elements that are in a document

// watch follows the language of the page, once there is an element in it.
let watching;
const watch = () => {
  watching ??= new MutationObserver(() => all.forEach((element) => element.renew(true)));
  watching.observe(document, { subtree: true, attributeFilter: ['lang'] });
};

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const { customElements, HTMLElement = Object } = globalThis;

// A second copy of this module is the first one's element.
export const AtripLink = customElements?.get('atrip-link') ?? class AtripLink extends HTMLElement {
  static formAssociated = true; // for disabled, its own or a fieldset's
  static observedAttributes = ['role', 'atrip-role', 'order-no', 'lang'];

  /** Adds a language by its tag, such as zh or zh-hant, or replaces texts of one that is there. */
  static addTexts(language, texts) {
    language = language.toLowerCase();
    TEXTS[language] = { ...own(TEXTS, language), ...texts };
    all.forEach((element) => element.#draw());
  }

  #getAuthorization;
  #button = make('button', { type: 'button', part: 'button', onclick: () => this.open() });
  #status = make('span', { role: 'status', part: 'status' });
  #alert = make('span', { role: 'alert', className: 'heard' }); // said once; the seconds that pass are only shown
  #message = make('p', { part: 'message', id: 'message' });
  #until = 0; // when Retry-After has passed
  #counting; // the text with {n} that is shown, or nothing
  #timer;
  #off = false;
  #spoken;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#button.setAttribute('aria-describedby', 'message');
    root.append(this.#button, this.#status, this.#alert, this.#message);
  }

  /** Returns the Authorization header's value, or a promise of it. After a 401 it is called again, with {refused: true}. */
  get getAuthorization() {
    return this.#getAuthorization;
  }

  set getAuthorization(value) {
    this.#getAuthorization = value;
  }

  connectedCallback() {
    // A property that was set before this module was loaded hides the accessor.
    if (Object.hasOwn(this, 'getAuthorization')) {
      const { getAuthorization } = this;
      delete this.getAuthorization;
      this.getAuthorization = getAuthorization;
    }
    all.add(this);
    watch();
    if (this.state) this.#draw();
    else this.#become('idle');
  }

  get disabled() {
    return this.hasAttribute('disabled');
  }

  set disabled(value) {
    this.toggleAttribute('disabled', Boolean(value));
  }

  formDisabledCallback(off) {
    this.#off = off;
    this.#draw();
  }

  disconnectedCallback() {
    all.delete(this);
  }

  attributeChangedCallback(name, old, value) {
    if (name !== 'role') {
      if (old !== value) this.renew();
    } else if (value !== null) {
      // A role that is not an ARIA role would confuse assistive technology.
      this.setAttribute('atrip-role', value);
      this.removeAttribute('role');
    }
  }

  // renew drops what was said of another order, in another role or language.
  renew(onlyLanguage = false) {
    if (onlyLanguage && this.#spoken === this.#language()) return;
    if (/failed|done/.test(this.state)) this.#become('idle');
    else this.#draw();
  }

  /** idle, busy, done or failed. */
  get state() {
    return this.getAttribute('state');
  }

  /** Does what a click does. Browsers let it open a tab only from within a user's gesture. */
  async open() {
    if (this.state === 'busy' || this.#off || Date.now() < this.#until) return;
    // The tab opens inside the click, or pop-up blockers keep it shut; it is sent on its way when the answer is there.
    const tab = window.open('about:blank', '_blank');
    if (!tab) return this.#fail({ code: 'PopupBlocked' });
    this.#become('busy');
    let answer = { code: 'Failed' };
    try {
      tab.opener = null;
      const page = tab.document;
      page.documentElement.lang = this.#language();
      page.documentElement.style.colorScheme = 'light dark';
      page.body.style.cssText = 'font: 1.1rem system-ui; text-align: center; margin-top: 30vh';
      page.title = page.body.textContent = this.#text('busy');
      answer = await this.#ask();
      if (answer.url && !tab.closed) {
        // Sent from within the tab, by an anchor that is in no document: no Referer, no opener, no entry in the history.
        Object.assign(page.createElement('a'), { rel: 'noreferrer', referrerPolicy: 'no-referrer', href: answer.url }).click();
      }
    } finally {
      if (answer.url) {
        this.#become(tab.closed ? 'idle' : 'done');
      } else {
        tab.close();
        this.#fail(answer);
      }
    }
  }

  // ask returns {url}, or the code of a failure and what else is known of it. timeout bounds the token and the answer.
  async #ask() {
    const seconds = +this.getAttribute('timeout');
    const limit = AbortSignal.timeout(1000 * (seconds > 0 ? Math.min(seconds, 600) : 30));
    const answer = await this.#request(limit, false);
    // A refused token may be an old one: ask for another, once.
    return answer.status === 401 && this.getAuthorization ? this.#request(limit, true) : answer;
  }

  async #request(limit, refused) {
    const value = (name) => this.getAttribute(name) ?? undefined;
    const headers = { 'Content-Type': 'application/json' };
    if (value('account')) headers['X-Atrip-Account'] = value('account');
    let response, body;
    try {
      const late = new Promise((_, reject) => limit.addEventListener('abort', reject));
      const authorization = await Promise.race([this.getAuthorization?.({ refused }), late]);
      if (authorization) headers.Authorization = authorization;
    } catch {
      return { code: limit.aborted ? 'Timeout' : 'SignInExpired' };
    }
    try {
      // Without an endpoint: no url at all, rather than the page's own, which is not to get the operator's token.
      response = await fetch(value('endpoint') || '//', {
        method: 'POST', headers, credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer', signal: limit,
        body: JSON.stringify({ orderNo: value('order-no'), userName: value('user-name'), role: value('atrip-role') }),
      });
      body = await response.text();
    } catch {
      return { code: limit.aborted ? 'Timeout' : 'Unreachable' };
    }
    try {
      body = JSON.parse(body) ?? {};
      // The broker has checked the url's host; here it is only kept from being something else than a web page.
      if (response.ok && /^https?:$/.test(new URL(body.url).protocol)) return { url: body.url };
    } catch {
      body = {};
    }
    const { ok, status, headers: got } = response;
    return {
      code: (!ok && (short(body.code) || BY_STATUS[status])) || 'Failed',
      status, requestId: short(body.instance) ?? short(got.get('apigw-requestid')),
      retryAfter: Math.min(Math.max(+got.get('retry-after') || 0, 0), 3600),
    };
  }

  #fail({ code, retryAfter = 0, ...more }) {
    const key = own(SAME, code) ?? code;
    const counting = this.#text(key).includes('{n}');
    const seconds = Math.ceil(retryAfter || (counting ? 5 : 0));
    const message = this.#text(key, { n: seconds });
    const { requestId } = more;
    this.#until = Date.now() + seconds * 1000;
    this.#become('failed', { code, message, retryAfter: seconds, ...more });
    if (this.state !== 'failed') return; // a listener chose another order
    this.#counting = counting && key;
    this.#alert.textContent = message;
    const copy = make('button', {
      type: 'button', part: 'copy',
      onclick: () => navigator.clipboard.writeText(requestId).then(() => { copy.textContent = this.#text('copied'); }),
    }, this.#text('copy'));
    const id = [this.#text('reference'), make('code', {}, requestId), navigator.clipboard ? copy : ''];
    const reference = make('small', { part: 'reference' }, ...id);
    this.#message.replaceChildren(make('span', {}, message), requestId ? reference : '');
    this.#wait();
  }

  // wait counts the seconds down that the button rests.
  #wait() {
    clearTimeout(this.#timer);
    const left = this.#until - Date.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#wait(), left % 1000 || 1000);
      if (this.#counting) this.#message.firstChild.textContent = this.#text(this.#counting, { n: Math.ceil(left / 1000) });
    } else if (this.#counting) this.#become('idle');
    else this.#draw();
  }

  // become changes the state, and reports it by text and by an event.
  #become(state, detail) {
    this.setAttribute('state', state);
    this.#counting = undefined;
    this.#status.textContent = /busy|done/.test(state) ? this.#text(state) : '';
    this.#status.className = state === 'done' ? '' : 'heard';
    this.#alert.replaceChildren();
    this.#message.replaceChildren();
    this.#draw();
    this.dispatchEvent(new CustomEvent('atrip-' + state, { bubbles: true, composed: true, detail }));
  }

  #draw() {
    const busy = this.state === 'busy';
    this.#spoken = this.#language();
    this.#button.disabled = this.#off;
    const rests = Date.now() < this.#until;
    this.#button.ariaDisabled = busy || rests;
    this.#button.className = rests ? 'rests' : '';
    this.#button.ariaDescription = this.#text('newTab');
    const mark = busy ? make('i', { part: 'spinner' }) : this.state === 'done' ? make('span', { ariaHidden: 'true' }, '✓') : '';
    const [before, heard = '', after = ''] = this.#text(busy ? 'busy' : 'label').split(/[[\]]/);
    const order = make('span', { className: 'heard' }, heard.replace('{order}', () => this.getAttribute('order-no')));
    this.#button.replaceChildren(mark, make('span', {}, before, order, after));
  }

  // language is the longest part of the page's language tag that has texts (RFC 4647, lookup), across shadow roots.
  #language() {
    let tag, node = this;
    while (node && !tag) {
      tag = node.closest('[lang]')?.lang;
      node = node.getRootNode().host;
    }
    tag = (tag || navigator.language).toLowerCase();
    while (tag && !own(TEXTS, tag)) tag = tag.slice(0, Math.max(tag.lastIndexOf('-'), 0));
    return tag || 'en';
  }

  // text is the attribute text-<key> where the page sets one, else the built-in text.
  #text(key, values = {}) {
    const texts = { ...TEXTS.en, ...TEXTS[this.#language()] };
    const text = this.getAttribute('text-' + key.toLowerCase()) ?? own(texts, key) ?? texts.Failed;
    return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }
};

if (customElements && !customElements.get('atrip-link')) customElements.define('atrip-link', AtripLink);
