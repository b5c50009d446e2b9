// The two questions that the page asks: for the token, and whether something is really to be done.
const byId = (id) => document.getElementById(id);

// Gives what `value()` is when the dialog is agreed to, null when it is left. What had the keyboard has it again then: browsers
// see to that.
function answerOf(dialog, value) {
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

// Null also while the question stands already.
export async function askToken(why) {
  if (byId('ask-token').open) return null;
  const box = byId('ask-token-value');
  byId('ask-token-why').textContent = why;
  box.value = '';
  const token = await answerOf(byId('ask-token'), () => box.value.trim());
  box.value = '';
  return token;
}

export async function askWhether({title, text, yes, isGrave}) {
  if (byId('ask').open) return null;
  byId('ask-title').textContent = title;
  byId('ask-text').textContent = text;
  byId('ask-yes').textContent = yes;
  byId('ask').classList.toggle('is-grave', isGrave);
  return answerOf(byId('ask'), () => true);
}
