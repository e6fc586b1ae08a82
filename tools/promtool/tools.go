// Package promtool pins the judge of alarm rules: its go.mod lists it as a tool.
package promtool
