// What TypeScript accepts of the package, with React, Vue and Svelte; it is compiled, not run.
import type { SvelteHTMLElements } from 'svelte/elements';
import type { GlobalComponents } from 'vue';
import { AtripLink, type AtripLinkFailure } from 'atrip-link';
import { AtripLink as Component } from 'atrip-link/react';
import type {} from 'atrip-link/svelte';
import type {} from 'atrip-link/vue';
import 'atrip-link/zh';

const failed = (e: CustomEvent<AtripLinkFailure>): string => e.detail.code;
const token = async ({ refused }: { refused: boolean }) => (refused ? undefined : 'Bearer x');

const link = document.createElement('atrip-link');
link.addEventListener('atrip-failed', failed);
link.addEventListener('atrip-failed', (e) => { const after: number = e.detail.retryAfter; after.toFixed(); });
// @ts-expect-error there is no url in an event
link.addEventListener('atrip-failed', (e) => e.detail.url);
link.getAuthorization = token;
// @ts-expect-error not a token
link.getAuthorization = () => 7;
AtripLink.addTexts('fr', { label: 'Ouvrir' });

const order = { endpoint: '/', 'order-no': 'X1', role: 'Finance', getAuthorization: token, 'text-label': 'Open' };

export const react = [
  <atrip-link {...order} id="one" onatrip-failed={failed} />,
  <Component endpoint="/" orderNo="X1" role="Finance" getAuthorization={token} onFailed={failed} className="one" />,
  // @ts-expect-error orderNo is missing
  <Component endpoint="/" role="Finance" />,
  // @ts-expect-error not a listener of this event
  <atrip-link {...order} onatrip-done={failed} />,
];

type Vue = InstanceType<GlobalComponents['atrip-link']>['$props'];
export const vue: Vue[] = [
  { ...order, id: 'one', onAtripFailed: failed },
  // @ts-expect-error not a listener of this event
  { ...order, onAtripDone: failed },
];

type Svelte = SvelteHTMLElements['atrip-link'];
export const svelte: Svelte[] = [
  { ...order, id: 'one', 'onatrip-failed': failed },
  // @ts-expect-error not a listener of this event
  { ...order, 'onatrip-done': failed },
];
