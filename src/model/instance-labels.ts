/** Labels every instance carries. `labkeeper.protect=true`, set by a person, forbids removal. */
export const labels = {
  installation: 'labkeeper.installation',
  entity: 'labkeeper.entity',
  generation: 'labkeeper.generation',
  /** `shared`: its files lie in the folder that an old family shares. */
  layout: 'labkeeper.layout',
  protect: 'labkeeper.protect',
} as const;
