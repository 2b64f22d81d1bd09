/** Labels every instance carries. `labkeeper.protect=true`, set by a person, forbids removal. */
export const labels = {
  installation: 'labkeeper.installation',
  entity: 'labkeeper.entity',
  generation: 'labkeeper.generation',
  protect: 'labkeeper.protect',
} as const;
