package eks

import (
	"fmt"
	"strconv"
	"strings"
)

// release is the part of a version that EKS knows.
type release struct{ major, minor int }

func (r release) String() string { return fmt.Sprintf("%d.%d", r.major, r.minor) }

func (r release) next() release { return release{r.major, r.minor + 1} }

func (r release) before(o release) bool {
	return r.major < o.major || r.major == o.major && r.minor < o.minor
}

// parse reads "v1.34", "1.34.2" and "v1.34.1-eks-cb19647".
func parse(version string) (release, bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return release{}, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return release{}, false
	}
	digits := parts[1]
	if end := strings.IndexFunc(digits, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		digits = digits[:end]
	}
	minor, err := strconv.Atoi(digits)
	return release{major, minor}, err == nil
}

// Release returns the part of a version that EKS knows, as "1.34"; "" of none.
func Release(version string) string {
	r, ok := parse(version)
	if !ok {
		return ""
	}
	return r.String()
}

// Echo returns the version that a status shows: what the spec says where that is what runs,
// since EKS tells no more than the minor version, and Cluster API compares the strings.
func Echo(spec, live string) string {
	if live == "" {
		return ""
	}
	if Release(spec) == Release(live) {
		return spec
	}
	return "v" + Release(live) + ".0"
}

// Before tells that a version is an older minor version than another one.
func Before(version, other string) bool {
	a, known := parse(version)
	b, ok := parse(other)
	return known && ok && a.before(b)
}
