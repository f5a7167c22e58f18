// The switches: one fault at a time, of the simulators, the gateway or the token.
import { text } from './texts.js';

/** Fills the select with config.faults and switches them; changed is told of each choice. */
export async function showFaults(config, changed) {
  const select = document.getElementById('fault');
  const expect = document.getElementById('expect');
  const groups = Map.groupBy(config.faults, (fault) => fault.part);
  const draw = () => {
    const chosen = select.value;
    select.replaceChildren(...[...groups].map(([part, faults]) => {
      const group = document.createElement('optgroup');
      group.label = text(`part-${part}`);
      group.append(...faults.map((fault) => new Option(text(`fault-${fault.id}`, {}, fault.name), fault.id)));
      return group;
    }));
    select.value = chosen || config.fault;
    tell();
  };
  const current = () => config.faults.find((fault) => fault.id === select.value);
  const tell = () => { expect.textContent = text('expect', { answer: current().answer }); };
  select.addEventListener('change', async () => {
    changed(current());
    tell();
    const response = await fetch(`faults/${select.value}`, { method: 'PUT' });
    if (!response.ok) expect.textContent = text('faultFailed');
    select.dispatchEvent(new Event('switched', { bubbles: true }));
  });
  document.addEventListener('language', draw);
  draw();
  changed(current());
}
