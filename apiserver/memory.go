package apiserver

import (
	"os"
	"runtime/debug"
)

// garbage is how much of its live memory the process may leave lying before it collects, in percent. What is live are
// some tens of MB, and every request leaves tens of KB: with Go's default of 100
// collecting takes a sixth of what a create costs.
const garbage = 400

// collectRarely has it collect so, unless the environment says otherwise. GOMEMLIMIT bounds it near the end of the
// memory that there is.
func collectRarely() {
	if _, told := os.LookupEnv("GOGC"); !told {
		debug.SetGCPercent(garbage)
	}
}
