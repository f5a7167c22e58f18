// The demo console: an example back office with <atrip-link> in each row, switches for faults, and the audit lines live.
import './atrip-link.zh.js';
import { showAudit } from './audit.js';
import { showFaults } from './faults.js';
import { Session } from './session.js';
import { speak, text } from './texts.js';

const ORDERS = [
  { number: 'XPFIW20220209163159425', from: 'SIN', to: 'HKG', day: '2026-12-03', people: 2, status: 'ticketed' },
  { number: 'XPFIW20220210080112733', from: 'LHR', to: 'BCN', day: '2026-12-05', people: 1, status: 'ticketed' },
  { number: 'XPFIW20220210141857091', from: 'PVG', to: 'NRT', day: '2026-12-11', people: 4, status: 'pending' },
  { number: 'BAG-20220211-000417', from: 'MAD', to: 'LIS', day: '2026-12-14', people: 1, status: 'bags' },
  { number: 'XPFIW20220212101500318', from: 'BKK', to: 'KUL', day: '2027-01-08', people: 3, status: 'cancelled' },
];
const LOOK = { ticketed: 'good', bags: 'good', pending: 'warn', cancelled: 'bad' };
// The groups by which the default policy grants roles; another policy's are not known here.
const GROUP_OF = {
  'Customer service': 'atrip-customer-service', Finance: 'atrip-finance', Developer: 'atrip-developer', Admin: 'atrip-admin',
};

const at = (id) => document.getElementById(id);
const config = await (await fetch('config.json')).json();
const session = new Session(config);
const links = [];

// authorization is what each <atrip-link> sends; the fault "sign-in expired" swaps it for a token that is no longer valid.
let expired = false;
const authorization = async () => {
  if (!expired) return `Bearer ${session.token()}`;
  const query = new URLSearchParams({ user: session.claims().email, lifetime: '-10m' });
  return `Bearer ${await (await fetch(`${config.issuer}/dev-token?${query}`)).text()}`;
};

function row(order) {
  const line = document.importNode(at('row').content, true).firstElementChild;
  const part = (selector) => line.querySelector(selector);
  line.className = order.status;
  part('.number').textContent = order.number;
  part('.trip').textContent = `${order.from} → ${order.to}`;
  part('.chip').classList.add(LOOK[order.status]);
  const link = part('atrip-link');
  link.setAttribute('endpoint', config.endpoint);
  link.setAttribute('order-no', order.number);
  link.getAuthorization = authorization;
  links.push(link);
  line.speak = (language) => {
    const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(order.day));
    part('small').textContent = `${day} · ${text('people', { n: order.people })}`;
    part('.chip').textContent = text(order.status);
  };
  return line;
}

function chooseRole() {
  const role = at('role').value;
  for (const link of links) link.setAttribute('role', role);
  const refused = config.defaultPolicy && !granted(role);
  at('role-hint').textContent = refused ? text('notGranted', { name: session.claims()?.name ?? '', role }) : '';
}

function granted(role) {
  return (session.claims()?.[config.groupsClaim] ?? []).includes(GROUP_OF[role]);
}

function show() {
  const who = session.claims();
  at('signed-in').hidden = at('who').hidden = at('role-label').hidden = !who;
  at('account-label').hidden = !who || !config.accounts;
  at('signed-out').hidden = at('sign-in').hidden = Boolean(who);
  if (session.expired()) notify('expired');
  if (!who) return;
  at('name').textContent = who.name || who.email;
  at('email').textContent = who.email;
  at('role').value = config.roles.find(granted) ?? config.roles[0];
  chooseRole();
}

// notify shows a card above the orders, which stay; without a key it goes.
let notice = [];
function notify(key, values) {
  notice = key ? [key, values] : [];
  at('notice').hidden = !key;
  at('sign-in-again').hidden = key !== 'expired';
  at('notice-text').textContent = key ? text(...notice) : '';
  document.body.classList.toggle('expired', key === 'expired');
}

// attempt does a step of the sign-in. What fails is shown; the page goes on.
async function attempt(step) {
  try {
    await step();
  } catch (error) {
    notify('signInFailed', { reason: error.message });
  }
}

function setLanguage(language) {
  localStorage.setItem('language', language);
  at('language').value = language;
  speak(language);
  for (const line of at('rows').rows) line.speak(language);
  for (const link of links) link.setAttribute('lang', language);
  if (session.claims()) chooseRole();
  notify(...notice);
  document.dispatchEvent(new Event('language'));
}

at('rows').append(...ORDERS.map(row));
at('role').append(...config.roles.map((role) => new Option(role)));
at('role').addEventListener('change', chooseRole);
at('account').append(...['default', ...config.accounts ?? []].map((name) => new Option(name)));
at('account').addEventListener('change', () => { for (const link of links) link.setAttribute('account', at('account').value); });
at('language').addEventListener('change', (event) => setLanguage(event.target.value));
for (const id of ['sign-in', 'sign-in-hero', 'sign-in-again']) at(id).addEventListener('click', () => attempt(() => session.begin()));
at('sign-out').addEventListener('click', () => { session.end(); notify(); show(); at('sign-in').focus(); });
document.addEventListener('atrip-failed', (event) => { if (event.detail.code === 'SignInExpired') notify('expired'); });
document.addEventListener('atrip-done', () => notify());

await attempt(() => session.finish());
show();
setLanguage(localStorage.getItem('language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'));
showFaults(config, (fault) => { expired = fault.id === 'sign-in-expired'; });
showAudit();
document.documentElement.dataset.ready = 'true';
