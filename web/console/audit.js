// The live panel: one entry per line that the function or the gateway wrote.
import { text } from './texts.js';

const KEEP = 40;

const element = (tag, className, content = '') => {
  const made = document.createElement(tag);
  made.className = className;
  made.append(content);
  return made;
};

const look = (outcome, status) => {
  if (outcome === 'OK') return 'good';
  if (status < 400) return 'plain';
  return status >= 500 || /^(Atlas|Secret|Internal)/.test(outcome) ? 'bad' : 'warn';
};

const phases = (line) => [
  ['own', line.ownMs], ['secret', line.SecretMs], ['wait', line.WaitMs], ['atlas', line.AtlasMs],
].filter(([, ms]) => ms > 0);

function timing(line) {
  const bar = element('div', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  const times = element('div', 'times');
  for (const [name, ms] of phases(line)) {
    const part = element('i', `phase-${name}`);
    part.style.width = `${(100 * ms) / line.TotalMs}%`;
    bar.append(part);
    const entry = element('span', '');
    entry.append(element('i', `phase-${name}`), `${text(`phase-${name}`)} ${ms.toFixed(1)} ms`);
    times.append(entry);
  }
  times.append(element('span', '', `${text('total')} ${line.TotalMs.toFixed(1)} ms`));
  return [bar, times];
}

// An operator who names another person comes first, with the issuer of their token.
const who = ({ operatorName, issuer, userName, principal }) => (
  userName && operatorName && operatorName !== userName ? `${operatorName} (${issuer}) → ${userName}` : userName ?? principal);

function entry(line) {
  const item = document.createElement('li');
  const top = element('div', 'line-top');
  const outcome = line.method ? `${line.status} ${text('byGateway')}` : line.outcome ?? line.level;
  top.append(element('span', `chip ${look(outcome, line.status)}`, outcome));
  const time = element('time', '', new Date(line.timestamp).toLocaleTimeString(document.documentElement.lang));
  time.dateTime = line.timestamp;
  top.append(time);
  item.append(top);
  const what = line.method
    ? [`${line.method} ${line.path}`, line.reason]
    : [who(line), line.role, line.orderNo, line.cause ?? (line.message === 'request' ? '' : line.message)];
  item.append(element('div', 'line-what', what.filter(Boolean).join(' · ')));
  if (line.TotalMs) item.append(...timing(line));
  const details = document.createElement('details');
  details.append(element('summary', '', text('wholeLine')), element('pre', '', JSON.stringify(line, null, 1)));
  item.append(details);
  return item;
}

// Preflights that follow each other share one entry, which counts them.
const isPreflight = (line) => line.method === 'OPTIONS' && line.status === 204;

function preflights() {
  const item = element('li', 'preflights');
  const summary = element('summary', '');
  const details = document.createElement('details');
  details.append(summary);
  item.append(details);
  item.add = (line) => {
    details.append(element('pre', '', JSON.stringify(line, null, 1)));
    summary.textContent = text('preflights', { n: details.children.length - 1 });
  };
  return item;
}

/** Fills the panel and keeps it up to date. */
export function showAudit() {
  const list = document.getElementById('lines');
  const live = document.getElementById('live');
  let seen = [];
  const add = (message) => {
    if (!isPreflight(message)) list.prepend(entry(message));
    else {
      if (!list.firstElementChild?.add) list.prepend(preflights());
      list.firstElementChild.add(message);
    }
  };
  const feed = new EventSource('events');
  const connected = (is) => {
    live.classList.toggle('on', is);
    live.dataset.text = is ? 'live' : 'connecting';
    live.textContent = text(live.dataset.text);
  };
  feed.onopen = () => connected(true);
  feed.onerror = () => connected(false);
  feed.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    seen = [...seen, message].slice(-KEEP);
    document.getElementById('empty').hidden = true;
    add(message);
    while (list.children.length > KEEP) list.lastChild.remove();
  };
  document.addEventListener('language', () => { list.replaceChildren(); seen.forEach(add); });
}
