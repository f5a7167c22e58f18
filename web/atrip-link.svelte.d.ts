import type { HTMLAttributes } from 'svelte/elements';
import type { AtripLink, AtripLinkAttributes, AtripLinkListeners } from './atrip-link.js';

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'atrip-link': Omit<HTMLAttributes<AtripLink>, 'role'> & AtripLinkAttributes & AtripLinkListeners;
  }
}
