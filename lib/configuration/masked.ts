/** @module Addresses that may hold a password, as they are shown. */

/** The text without the password of a URL; what is no URL is shown as it is. */
export function masked(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*):[^/?#]*@/i, '$1:…@');
}
