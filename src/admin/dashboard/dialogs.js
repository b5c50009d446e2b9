// The two questions that the page asks: for the token, and whether something is really to be done.
const byId = (id) => document.getElementById(id);

// Gives what `value()` is when the dialog is agreed to, null when it is left. What had the keyboard has it again then: browsers
// see to that.
function answerOf(dialog, value) {
  if (dialog.open) return Promise.resolve(null);
  const form = dialog.querySelector('form');
  return new Promise((resolve) => {
    const finish = (answer) => {
      form.onsubmit = null;
      dialog.onclose = null;
      dialog.close();
      resolve(answer);
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      finish(value());
    };
    dialog.onclose = () => finish(null);
    form.querySelector('button[value=cancel]').onclick = () => finish(null);
    dialog.showModal();
  });
}

export async function askToken(why) {
  const box = byId('ask-token-value');
  byId('ask-token-why').textContent = why;
  box.value = '';
  const token = await answerOf(byId('ask-token'), () => box.value.trim());
  box.value = '';
  return token;
}

export function askWhether({title, text, yes, isGrave}) {
  byId('ask-title').textContent = title;
  byId('ask-text').textContent = text;
  byId('ask-yes').textContent = yes;
  byId('ask').classList.toggle('is-grave', isGrave);
  return answerOf(byId('ask'), () => true);
}
