import { describe, expect, it } from 'vitest';
import { may, mayOpen, openModesOf, spacesOf, type Caller } from '../../src/model/roles.ts';

const visitor: Caller = { person: null, operator: false, roles: {} };
const ada: Caller = { person: 'ada', operator: false, roles: { ml: 'instructor', bio: 'viewer' } };
const root: Caller = { person: 'root', operator: true, roles: {} };

describe('who may open an app', () => {
  const app = (access: 'everyone' | 'people' | 'members', space = 'ml') => ({
    space,
    owner: 'bea',
    access,
  });

  it('lets visitors open only what is for everyone', () => {
    expect(mayOpen(visitor, app('everyone'))).toBe(true);
    expect(mayOpen(visitor, app('people'))).toBe(false);
    expect(mayOpen(visitor, app('members'))).toBe(false);
    expect(openModesOf(visitor)).toEqual(['everyone']);
  });

  it('lets people open what is for people, and what their role in its space is enough for', () => {
    expect(mayOpen(ada, app('people', 'chem'))).toBe(true);
    expect(mayOpen(ada, app('members', 'ml'))).toBe(true);
    expect(mayOpen(ada, app('members', 'bio'))).toBe(false);
    expect(mayOpen(ada, app('members', 'chem'))).toBe(false);
    expect(mayOpen(root, app('members', 'chem'))).toBe(true);
  });
});

describe('what roles allow', () => {
  it('gives an owner what is theirs only while their role is enough', () => {
    const own = (space: string) => ({ space, owner: 'ada' });
    expect(may(ada, 'app.change', own('ml'))).toBe(true);
    expect(may(ada, 'app.change', { space: 'ml', owner: 'bea' })).toBe(false);
    expect(may(ada, 'app.change', own('bio'))).toBe(false);
    expect(may(ada, 'app.change', own('chem'))).toBe(false);
  });

  it('never gives a visitor anything, whatever is called nobody’s', () => {
    expect(may(visitor, 'app.see', { space: 'ml', owner: null })).toBe(false);
  });

  it('names the spaces in which a role is enough; operators have all', () => {
    expect(spacesOf(ada, 'app.see')).toEqual(['bio', 'ml']);
    expect(spacesOf(ada, 'app.use')).toEqual(['ml']);
    expect(spacesOf(root, 'app.see')).toBeNull();
    expect(spacesOf(visitor, 'app.see')).toEqual([]);
  });
});
