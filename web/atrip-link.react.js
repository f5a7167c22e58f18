// <AtripLink orderNo="…" role="…" endpoint="…" getAuthorization={…} onFailed={…}/> for React 18 and later. React 18 passes no
// functions on to custom elements; this component sets them as properties and listeners.
import { createElement, useEffect, useLayoutEffect, useRef } from 'react';
import './atrip-link.js';

const EVENTS = { onBusy: 'atrip-busy', onDone: 'atrip-done', onIdle: 'atrip-idle', onFailed: 'atrip-failed' };

export function AtripLink({ getAuthorization, orderNo, userName, ...attributes }) {
  const element = useRef(null);
  const handlers = Object.keys(EVENTS).map((name) => attributes[name]);
  useLayoutEffect(() => { element.current.getAuthorization = getAuthorization; }, [getAuthorization]);
  useEffect(() => {
    const { current } = element;
    const listening = Object.values(EVENTS).map((event, i) => [event, handlers[i]]).filter(([, handler]) => handler);
    for (const pair of listening) current.addEventListener(...pair);
    return () => { for (const pair of listening) current.removeEventListener(...pair); };
  }, handlers);
  for (const name of Object.keys(EVENTS)) delete attributes[name];
  return createElement('atrip-link', { ...attributes, ref: element, 'order-no': orderNo, 'user-name': userName });
}
