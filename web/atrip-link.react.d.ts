import type { HTMLAttributes, ReactElement, RefAttributes } from 'react';
import type { AtripLink as Link, AtripLinkAttributes, AtripLinkEvents, AtripLinkListeners } from './atrip-link.js';

type LinkAttributes = Omit<HTMLAttributes<Link>, 'role'> & AtripLinkAttributes;

/** The element as a component, for React 18 and later. */
export function AtripLink(props: Omit<LinkAttributes, 'order-no' | 'user-name'> & {
  orderNo: string;
  userName?: string;
  onBusy?: (event: AtripLinkEvents['atrip-busy']) => void;
  onDone?: (event: AtripLinkEvents['atrip-done']) => void;
  onIdle?: (event: AtripLinkEvents['atrip-idle']) => void;
  onFailed?: (event: AtripLinkEvents['atrip-failed']) => void;
}): ReactElement;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      /** The element itself, for React 19 and later. */
      'atrip-link': LinkAttributes & AtripLinkListeners & RefAttributes<Link>;
    }
  }
}
