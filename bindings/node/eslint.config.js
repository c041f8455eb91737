// SPDX-License-Identifier: Apache-2.0

import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import ts from 'typescript';
import typescript from 'typescript-eslint';

/** The compiler's errors, found in the program that the other rules ask too: types are checked once. */
const compilerErrors = {
  create(context) {
    const { sourceCode } = context;
    const { program, esTreeNodeToTSNodeMap } = sourceCode.parserServices;
    return {
      Program(node) {
        const file = esTreeNodeToTSNodeMap.get(node);
        for (const found of ts.getPreEmitDiagnostics(program, file)) {
          const message = ts.flattenDiagnosticMessageText(found.messageText, '\n');
          context.report({ loc: sourceCode.getLocFromIndex(found.start ?? 0), message });
        }
      },
    };
  },
};

export default defineConfig(
  globalIgnores(['build/', 'dist/']),
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    plugins: { compiler: { rules: { errors: compilerErrors } } },
    extends: [typescript.configs.strictTypeChecked, typescript.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: 'tsconfig.lint.json',
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'compiler/errors': 'error',
      'max-lines': ['error', 800],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Callers in JavaScript have no compiler: what they hand in is checked whatever its type says.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // A test's promise belongs to the runner.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test'] }] },
      ],
    },
  },
);
