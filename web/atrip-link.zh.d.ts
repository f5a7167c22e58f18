export { AtripLink } from './atrip-link.js';
export type { AtripLinkState, AtripLinkCode, AtripLinkFailure, AtripLinkTexts } from './atrip-link.js';
