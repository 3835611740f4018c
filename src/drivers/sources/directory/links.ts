/** Which symbolic links of a source stay inside it, wherever the folder is moved to. */

/**
 * Why the link can not be kept, or undefined. A target may go up as far as the root and then down; going up again after a name is
 * refused, since that name may itself be a link, and then `..` is not where it looks.
 */
export function linkProblem(path: Buffer, target: Buffer): string | undefined {
  if (target[0] === '/'.charCodeAt(0)) return 'which is outside the source, or would be after the move into a release'
  let above = path.toString('latin1').split('/').length - 1
  let isGoingDown = false
  for (const part of target.toString('latin1').split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') isGoingDown = true
    else if (isGoingDown) return 'which goes up again after it went down, so that where it ends is not certain'
    else if (--above < 0) return 'which is outside the source'
  }
  return undefined
}
