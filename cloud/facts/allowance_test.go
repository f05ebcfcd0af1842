package facts

import (
	"context"
	"errors"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Who asks too much is refused, and nobody of another namespace, identity or region is.
func TestEachNamespaceHasQuestionsOfItsOwn(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(0, 0))
	memo := cloud.NewMemo[bool](clock, cloud.MemoTimes{Answer: time.Minute, Failure: time.Second, Timeout: time.Minute})
	a := newAllowance(clock)
	asked := 0
	ask := func(namespace, identity string) error {
		s := &cloud.Session{Scope: cloud.Scope{Account: "1", Region: "r"}, Identity: identity}
		asked++
		_, err := memo.Get(a.of(WithNamespace(t.Context(), namespace), s), s.Asker(), time.Unix(int64(asked), 0).String(), func(context.Context) (bool, error) { return true, nil })
		return err
	}
	for range questionsBurst {
		if err := ask("a", "i"); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask("a", "i"); !errors.Is(err, ErrTooManyQuestions) {
		t.Errorf("one too many is answered %v", err)
	}
	for _, other := range [][2]string{{"b", "i"}, {"a", "j"}} {
		if err := ask(other[0], other[1]); err != nil {
			t.Errorf("namespace %s as %s: %v", other[0], other[1], err)
		}
	}
}
