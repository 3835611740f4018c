/** The whole of undici is 28 MB of memory, its HTTP/1.1 client alone 15: the front loads the one file. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici'
  export = Client
}
