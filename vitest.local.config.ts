import { defineConfig } from 'vitest/config';
import { COMMON, LOCAL_SUITES } from './vitest.config.ts';

export default defineConfig({ test: { ...COMMON, include: LOCAL_SUITES } });
