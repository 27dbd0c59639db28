// A compute thread that cannot take its recipe.
throw new Error('no such kernels');
