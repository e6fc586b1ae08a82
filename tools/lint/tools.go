// Package lint pins the programs that lint manifests and workflows: its go.mod lists them as tools.
package lint
