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

const timing = ({ ownMs, SecretMs, WaitMs, AtlasMs, TotalMs }) => Object.entries({ ownMs, SecretMs, WaitMs, AtlasMs, TotalMs })
  .filter(([, ms]) => ms > 0).map(([name, ms]) => `${text(name)} ${ms.toFixed(1)} ms`).join(' · ');

// An operator who names another person comes first, with the issuer of their token.
const who = ({ operatorName, issuer, userName, principal }) => (
  userName && operatorName && operatorName !== userName ? `${operatorName} (${issuer}) → ${userName}` : userName ?? principal);

function folded(title, ...lines) {
  const details = document.createElement('details');
  details.append(element('summary', '', title), ...lines.map((line) => element('pre', '', JSON.stringify(line, null, 1))));
  return details;
}

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
  if (line.TotalMs) item.append(element('div', 'times', timing(line)));
  item.append(folded(text('wholeLine'), line));
  return item;
}

/** Fills the panel and keeps it up to date. The browser's CORS preflights are below the other lines, as one. */
export function showAudit() {
  const list = document.getElementById('lines');
  const folds = document.getElementById('preflights');
  let seen = [];
  const preflight = (line) => line.method === 'OPTIONS' && line.status === 204;
  const add = (line) => {
    if (!preflight(line)) return list.prepend(entry(line));
    const all = seen.filter(preflight);
    return folds.replaceChildren(folded(text('preflights', { n: all.length }), ...all));
  };
  new EventSource('events').onmessage = ({ data }) => {
    seen = [...seen, JSON.parse(data)].slice(-KEEP);
    document.getElementById('empty').hidden = true;
    add(seen.at(-1));
    while (list.children.length > KEEP) list.lastChild.remove();
  };
  document.addEventListener('language', () => { list.replaceChildren(); folds.replaceChildren(); seen.forEach(add); });
}
