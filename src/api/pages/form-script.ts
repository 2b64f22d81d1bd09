/**
 * Live checks of a form with `data-check`: what is typed is sent to the form's own address as `check`, and
 * what the answer says beside a control is put there. The rules stay on the server; without this a
 * form says the same when it is sent. Only controls that were touched complain.
 */
export const formScript = `
for (const form of document.querySelectorAll('form[data-check]')) {
  const touched = new Set([...form.querySelectorAll('[aria-invalid]')].map(({ name }) => name));
  let timer;
  let latest = 0;
  const check = async () => {
    const mine = ++latest;
    const body = new URLSearchParams(new FormData(form));
    body.set('step', 'check');
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { accept: 'text/html' } });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.querySelector('form[data-check]');
      if (mine !== latest) return;
      // Logged out meanwhile, or refused as a whole: sending the form says which.
      if (fresh === null) return say('Not checked');
      for (const control of form.querySelectorAll('.field [name]')) show(control, fresh);
      morph(form.querySelector('#plan'), fresh.querySelector('#plan'));
      say('');
    } catch {
      say('Not checked: labkeeper does not answer');
    }
  };
  const show = (control, fresh) => {
    if (!touched.has(control.name)) return;
    const now = fresh.querySelector('[name="' + control.name + '"]');
    const [old, said] = [control, now].map((one) => one.closest('.field').querySelector('.mistake'));
    if (old !== null && said !== null) morph(old, said);
    else if (said !== null) control.closest('.field').append(said);
    else old?.remove();
    for (const name of ['aria-invalid', 'aria-describedby']) {
      if (now.hasAttribute(name)) control.setAttribute(name, now.getAttribute(name));
      else control.removeAttribute(name);
    }
  };
  form.addEventListener('input', ({ target }) => {
    touched.add(target.name);
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  });
}
`;
