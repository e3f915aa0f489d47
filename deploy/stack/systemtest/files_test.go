package systemtest

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack/person"
)

// files are handed in: what a real browser sends is taken, and what it is then shown it shows, under the page's own policy.
func (c *chromium) files(t *testing.T) {
	w := newWorld(t, "sqlite", nil)
	b := c.person(t, "files", desk, false)
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	picture, sound := filepath.Join(folder, "Toldo cosido.png"), file("Cómo quedó.wav", tone())
	draw(t, picture)
	jottings, page := file("notas.txt", []byte("Hilo encerado, puntada doble.")), file("page.png", []byte("<!doctype html><script>alert(1)</script>"))

	b.do(open(w.Marketplace.Address), fill("#email", worker), fill("#password", password), press("form#login button"), see("li[data-job]"))
	b.do(open(w.Marketplace.Address+"/?role=worker&state=submitting"), press(`li[data-job] a`), see("form#submit"))
	b.page("hand-in")
	b.do(chromedp.SendKeys(chromedp.CSS("#submit-text"), "La costura aguanta."), chromedp.SetUploadFiles(chromedp.CSS("#submit-files"), []string{picture, page}), press("form#submit button"), see("#submit-files-error"))
	b.page("hand-in-refused")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#submit-files"), []string{picture, sound, jottings}), press("form#submit button"), see(`[data-flash="submit"]`))
	for what, script := range map[string]string{
		"the picture is drawn":  `(async () => { const i = document.querySelector("#submission img"); i.scrollIntoView(); await i.decode(); return i.naturalWidth === 640 })()`,
		"the sound can be read": `new Promise(done => { const a = document.querySelector("#submission audio"); a.onloadedmetadata = () => done(a.duration > 0.9); a.onerror = () => done(false); a.load(); a.preload = "metadata" })`,
	} {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
		require.NoError(t, err, what)
		require.True(t, is, what)
	}
	b.page("handed-in")
}

// handIn gives the worker's job a file, and returns the address of the job's page and of the file.
func handIn(t *testing.T, w *world) (job, file string) {
	t.Helper()
	signedIn, err := person.SignIn(t.Context(), w.Marketplace.Address, worker, password)
	require.NoError(t, err)
	list, err := signedIn.Browser.Open(t.Context(), w.Marketplace.Address+"/?role=worker&state=submitting")
	require.NoError(t, err)
	page, err := list.Follow(t.Context(), "li[data-job] a")
	require.NoError(t, err)
	page, err = page.Attach(t.Context(), "form#submit button", url.Values{"text": {"The seam holds."}}, person.File{Name: "notes.txt", Content: notes})
	require.NoError(t, err)
	require.Equal(t, 1, page.Document.Find(`[data-flash="submit"]`).Length(), page.Text("main"))
	address, err := page.URL.Parse(page.Document.Find("#submission .files a").AttrOr("href", ""))
	require.NoError(t, err)
	return page.URL.String(), address.String()
}

// notes is what handIn hands in.
const notes = "Waxed thread, double stitch."

// draw makes a picture of stripes.
func draw(t *testing.T, path string) {
	t.Helper()
	stripes := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for x := range 640 {
		for y := range 400 {
			stripes.Set(x, y, []color.RGBA{{13, 107, 88, 255}, {233, 162, 59, 255}, {196, 83, 58, 255}, {243, 230, 207, 255}}[(x+y)/40%4])
		}
	}
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, stripes))
	require.NoError(t, f.Close())
}

// tone is a second of silence as a WAV file: 8000 samples of 8 bits.
func tone() []byte {
	const samples = 8000
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+samples)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // one channel
	b = binary.LittleEndian.AppendUint32(b, samples)
	b = binary.LittleEndian.AppendUint32(b, samples)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 8)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, samples)
	for range samples {
		b = append(b, 128)
	}
	return b
}
