const escaped = text => text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)

const item = entry => `
      <li>
        <b>${escaped(entry.author)}</b> <time>${entry.at}</time>
        <p>${escaped(entry.text)}</p>
      </li>`

export const page = (entries, version) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Guestbook</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
      form { display: grid; gap: .5rem }
      ul { list-style: none; padding: 0 }
      time, footer { color: gray; font-size: .85rem }
    </style>
  </head>
  <body>
    <h1>Guestbook</h1>
    <form method="post" action="/entries">
      <input name="author" placeholder="Your name" required maxlength="100">
      <textarea name="text" placeholder="What you would like to say" required maxlength="5000"></textarea>
      <button>Sign</button>
    </form>
    <ul>${entries.map(item).join('')}
    </ul>
    <footer>version ${version}</footer>
  </body>
</html>
`
