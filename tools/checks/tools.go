// Package checks pins the programs that check what is rendered: its go.mod lists them as tools.
package checks
