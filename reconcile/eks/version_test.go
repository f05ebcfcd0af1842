package eks

import "testing"

func TestVersionsAreWhatEKSKnowsOfThem(t *testing.T) {
	for _, c := range []struct{ spec, live, release, echo string }{
		{"v1.34.2", "1.34", "1.34", "v1.34.2"},
		{"1.34", "1.34", "1.34", "1.34"},
		{"v1.36.3-eks-cb19647", "1.36", "1.36", "v1.36.3-eks-cb19647"},
		{"v1.33.0", "1.34", "1.33", "v1.34.0"},
		{"", "1.34", "", "v1.34.0"},
		{"v1.34.0", "", "1.34", ""},
		{"nonsense", "1.34", "", "v1.34.0"},
	} {
		if release, echo := Release(c.spec), Echo(c.spec, c.live); release != c.release || echo != c.echo {
			t.Errorf("%s with %s running: %q, echoed as %q, want %q and %q", c.spec, c.live, release, echo, c.release, c.echo)
		}
	}
}
