import type { HTMLAttributes } from 'vue';
import type { AtripLinkAttributes, AtripLinkEvents } from './atrip-link.js';

declare module 'vue' {
  interface GlobalComponents {
    'atrip-link': new () => {
      $props: Omit<HTMLAttributes, 'role'> & AtripLinkAttributes & {
        onAtripBusy?: (event: AtripLinkEvents['atrip-busy']) => void;
        onAtripDone?: (event: AtripLinkEvents['atrip-done']) => void;
        onAtripIdle?: (event: AtripLinkEvents['atrip-idle']) => void;
        onAtripFailed?: (event: AtripLinkEvents['atrip-failed']) => void;
      };
    };
  }
}
