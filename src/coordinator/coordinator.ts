import type { Coordinator, CoordinatorConfig } from './config.js';

/** Starts or resumes a run; rejects before anything is published when the folder, the spec or the broker refuse. */
export declare function startCoordinator(config: CoordinatorConfig): Promise<Coordinator>;
