package generic

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// refusing finds every object wrong, so that a test sees whether it was asked.
var refusing = strategy{kind: Kind{Rules: validation.Rules{
	Create:       func(runtime.Object) field.ErrorList { return field.ErrorList{field.Required(nil, "")} },
	Update:       func(_, _ runtime.Object) field.ErrorList { return field.ErrorList{field.Required(nil, "")} },
	StatusUpdate: func(_, _ runtime.Object) field.ErrorList { return nil },
	Recorded:     func(_, _ runtime.Object) field.ErrorList { return nil },
}}}

func stored() *infrav1.AWSCluster {
	c := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Name: "c", Generation: 3, Labels: map[string]string{"kept": "yes"}}}
	c.Spec.Region = "us-east-1"
	c.Status.FailureDomains = []infrav1.FailureDomain{{Name: "us-east-1a"}}
	return c
}

func TestAManifestsStatusIsDropped(t *testing.T) {
	c := stored()
	refusing.PrepareForCreate(context.Background(), c)
	if len(c.Status.FailureDomains) != 0 || c.Generation != 1 {
		t.Errorf("a new object has status %+v and generation %d, want none and 1", c.Status, c.Generation)
	}
}

func TestGenerationCountsChangesOfTheSpecAlone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*infrav1.AWSCluster)
		want   int64
	}{
		"a label":  {func(c *infrav1.AWSCluster) { c.Labels = nil }, 3},
		"a status": {func(c *infrav1.AWSCluster) { c.Status = infrav1.AWSClusterStatus{} }, 3},
		"the spec": {func(c *infrav1.AWSCluster) { c.Spec.Region = "us-east-2" }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			updated := stored()
			c.change(updated)
			refusing.PrepareForUpdate(context.Background(), updated, stored())
			if updated.Generation != c.want {
				t.Errorf("generation %d, want %d", updated.Generation, c.want)
			}
			if len(updated.Status.FailureDomains) != 1 {
				t.Error("an update of the object changed its status")
			}
		})
	}
}

func TestAStatusWriteChangesNothingElseAndStoresNoAge(t *testing.T) {
	updated := stored()
	updated.Spec.Region, updated.Labels = "us-east-2", nil
	updated.Status.FailureDomains = nil
	updated.Status.Observation = &infrav1.Observation{Age: "1s"}
	statusStrategy{refusing}.PrepareForUpdate(context.Background(), updated, stored())
	if updated.Spec.Region != "us-east-1" || updated.Labels["kept"] != "yes" {
		t.Errorf("a status write changed region to %s, labels to %v", updated.Spec.Region, updated.Labels)
	}
	if updated.Status.FailureDomains != nil || updated.Status.Observation != nil {
		t.Errorf("the status is %+v, want as written, without the age", updated.Status)
	}
}

func TestWhatIsBeingDeletedCanLoseItsFinalizerWhateverTheRules(t *testing.T) {
	now := metav1.Now()
	old, updated := stored(), stored()
	old.DeletionTimestamp, updated.DeletionTimestamp = &now, &now
	if errs := refusing.ValidateUpdate(context.Background(), updated, old); len(errs) > 0 {
		t.Errorf("it is refused: %v", errs)
	}
	updated.Spec.Region = "us-east-2"
	if errs := refusing.ValidateUpdate(context.Background(), updated, old); len(errs) == 0 {
		t.Error("its spec can be changed past the rules")
	}
}

func TestTheTableHasARowForEachObject(t *testing.T) {
	columns := table{columns: []Column{LabelColumn("Kept", "kept", "")}}
	list := &infrav1.AWSClusterList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: []infrav1.AWSCluster{*stored(), *stored()}}
	got, err := columns.ConvertToTable(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.ResourceVersion != "7" || len(got.ColumnDefinitions) != 2 || got.Rows[1].Cells[1] != "yes" {
		t.Errorf("the table is %+v, want two rows of name and label at version 7", got)
	}
	if got, err = columns.ConvertToTable(context.Background(), stored(), &metav1.TableOptions{NoHeaders: true}); err != nil || len(got.Rows) != 1 || got.ColumnDefinitions != nil {
		t.Errorf("one object without headings gives %+v, %v", got, err)
	}
}

func TestNamesAreThoseThatCustomResourcesMayHave(t *testing.T) {
	taking := strategy{kind: Kind{Rules: validation.Rules{Create: func(runtime.Object) field.ErrorList { return nil }}}}
	for name, want := range map[string]bool{"c1": true, "c1.example": true, "E_1": false, "Upper": false, "a-": false, "": false} {
		c := stored()
		c.Name = name
		if errs := taking.Validate(context.Background(), c); (len(errs) == 0) != want {
			t.Errorf("%q: %v, want it to be taken: %v", name, errs, want)
		}
	}
}

func TestAnObjectHasASizeAboveWhichItIsNotTaken(t *testing.T) {
	taking := strategy{kind: Kind{Rules: validation.Rules{
		Create:   func(runtime.Object) field.ErrorList { return nil },
		Update:   func(_, _ runtime.Object) field.ErrorList { return nil },
		Recorded: func(_, _ runtime.Object) field.ErrorList { return nil },
	}}}
	sized := func(kib int) *infrav1.AWSCluster {
		c := stored()
		for i := range kib {
			c.Spec.Network.Subnets = append(c.Spec.Network.Subnets, infrav1.SubnetSpec{ID: strings.Repeat("a", 1000-i%2)})
		}
		return c
	}
	if errs := taking.Validate(t.Context(), sized(200)); len(errs) > 0 {
		t.Errorf("200 KiB are refused: %v", errs)
	}
	errs := taking.Validate(t.Context(), sized(300))
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "and may have 256 KiB: leave out tags") {
		t.Errorf("300 KiB give %v", errs)
	}
	if errs := taking.ValidateUpdate(t.Context(), sized(299), sized(300)); len(errs) > 0 {
		t.Errorf("what was stored can't be made smaller: %v", errs)
	}
	if errs := taking.ValidateUpdate(t.Context(), sized(301), sized(300)); len(errs) != 1 {
		t.Errorf("what was stored may grow: %v", errs)
	}
	pool := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
	for range 10000 {
		pool.Spec.ProviderIDList = append(pool.Spec.ProviderIDList, "aws:///us-east-1a/i-0123456789abcdef0")
	}
	if errs := taking.Validate(t.Context(), pool); len(errs) > 0 {
		t.Errorf("a pool of 10,000 instances can't be moved here: %v", errs)
	}
	for i := range pool.Spec.ProviderIDList {
		pool.Spec.ProviderIDList[i] += strings.Repeat("a", 200)
	}
	if errs := taking.Validate(t.Context(), pool); len(errs) != 1 {
		t.Errorf("a pool of what can't be instances is taken: %v", errs)
	}
	owned := stored()
	for range maxOwnerReferences {
		owned.OwnerReferences = append(owned.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "K", Name: strings.Repeat("a", 14_000), UID: "u"})
	}
	if errs := taking.Validate(t.Context(), owned); len(errs) != maxOwnerReferences {
		t.Errorf("owners with names that none has give %d errors", len(errs))
	}
}
