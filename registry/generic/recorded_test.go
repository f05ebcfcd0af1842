package generic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

func by(name string, groups ...string) context.Context {
	return genericapirequest.WithUser(context.Background(), &user.DefaultInfo{Name: name, Groups: groups})
}

func TestOnlyTheServerItselfIsTakenForTheServer(t *testing.T) {
	asked := false
	s := strategy{kind: Kind{Rules: validation.Rules{
		Update:   func(_, _ runtime.Object) field.ErrorList { return nil },
		Recorded: func(_, _ runtime.Object) field.ErrorList { asked = true; return nil },
	}}}
	for name, c := range map[string]struct {
		ctx   context.Context
		asked bool
	}{
		"its loopback client":                  {by(user.APIServerUser, user.AllAuthenticated, user.SystemPrivilegedGroup), false},
		"an administrator with the same group": {by("admin", user.AllAuthenticated, user.SystemPrivilegedGroup), true},
		"a user":                               {by("alice", user.AllAuthenticated), true},
		"a service account":                    {by("system:serviceaccount:capa-system:capa-apiserver"), true},
		"nobody":                               {context.Background(), true},
	} {
		asked = false
		s.ValidateUpdate(c.ctx, stored(), stored())
		if asked != c.asked {
			t.Errorf("%s: records were judged: %t, want %t", name, asked, c.asked)
		}
	}
}

func TestMetadataHasLimits(t *testing.T) {
	s := strategy{kind: Kind{Rules: validation.Rules{
		Create: func(runtime.Object) field.ErrorList { return nil },
		Update: func(_, _ runtime.Object) field.ErrorList { return nil }, Recorded: func(_, _ runtime.Object) field.ErrorList { return nil },
	}}}
	big := stored()
	for i := range 100_000 {
		big.Labels[fmt.Sprintf("l%d", i)] = ""
	}
	for what, errs := range map[string]field.ErrorList{
		"create": s.Validate(context.Background(), big),
		"update": s.ValidateUpdate(context.Background(), big, stored()),
	} {
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "metadata.labels: Too many: 100001: must have at most 500 items") {
			t.Errorf("%s: got %v", what, errs)
		}
	}
	if errs := s.ValidateUpdate(context.Background(), big, big); len(errs) > 0 {
		t.Errorf("an object of earlier times can't be written: %v", errs)
	}
}
