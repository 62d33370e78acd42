import { defineConfig } from 'vitest/config';
import { COMMON, FAULT_SUITES } from './vitest.config.ts';

export default defineConfig({ test: { ...COMMON, include: FAULT_SUITES } });
