package devcluster

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Status prints what of a cluster is running; it reports whether everything that was started still is.
func Status(dir string, out io.Writer) (bool, error) {
	files, err := newLayout(dir, "")
	if err != nil {
		return false, err
	}
	state, err := loadState(files.state())
	if err != nil {
		return false, err
	}
	records := state.processes()
	if len(records) == 0 {
		fmt.Fprintf(out, "Nothing of %s is running. Start it with \"make up\".\n", files.dir)
		return false, nil
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tPID\tUP\tLOG")
	healthy := true
	for _, c := range components {
		r, known := state.find(c.name)
		if !known {
			continue
		}
		condition, up := "running", time.Since(r.Started).Round(time.Second).String()
		if !r.Alive() {
			condition, up, healthy = "died", "-", false
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", r.Name, condition, r.PID, up, r.Log)
	}
	if err := table.Flush(); err != nil {
		return false, err
	}
	if !healthy {
		fmt.Fprintln(out, "\nStart what is missing with \"make up\".")
	}
	return healthy, nil
}
