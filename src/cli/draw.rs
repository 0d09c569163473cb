//! `poshta postmark draw`: the marks of a message as pictures, or the face of a device as a specimen.
//!
//! There is no way from here to a stamp that no device made: what a message does not bear validly has that written
//! across it, and so has a specimen (P3, P19, P24).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::clock::{Timestamp, World};
use crate::message::headers;
use crate::postal::{DeviceKind, FacilityId, Mark, Registry, Specimen, Stamp, Workplace, verify};

use super::postmark::MarkedMessage;
use super::target::Target;
use super::{Outcome, WrongUse, output};

/// What is drawn, and where to.
#[derive(Debug, Args)]
pub(super) struct DrawArgs {
    /// The message whose marks are drawn; without it a specimen of --facility.
    #[arg(conflicts_with = "facility")]
    file: Option<PathBuf>,
    /// Marks of the message that stand elsewhere; see verify.
    #[arg(long, value_name = "FILE", requires = "file")]
    marks: Option<PathBuf>,
    /// The published marks of the operators; see verify.
    #[arg(long, value_name = "FILE", requires = "file")]
    keys: Option<PathBuf>,
    /// Facility of a specimen.
    #[arg(long, required_unless_present = "file")]
    facility: Option<String>,
    /// Its device; without it the first of --kind that is in use.
    #[arg(long, requires = "facility")]
    device: Option<String>,
    /// Kind of the device.
    #[arg(long, value_enum, default_value_t = Kind::Postmark, conflicts_with = "device")]
    kind: Kind,
    /// The instant that the specimen shows (RFC 3339); now without it.
    #[arg(long, requires = "facility")]
    at: Option<Timestamp>,
    /// Form of the pictures.
    #[arg(long, value_enum, default_value_t = Form::Svg)]
    format: Form,
    /// Width of a PNG, pixels.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(16..=4000))]
    width: u32,
    /// The directory that the pictures are written to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// P5: the kinds of devices.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Postmark.
    Postmark,
    /// Surcharge stamp.
    Surcharge,
    /// Special stamp.
    Special,
    /// «Сақтандыру» seal.
    Insurance,
    /// Sealing pliers.
    Plomb,
    /// Rotary printing device.
    Rotary,
    /// Plate.
    Plate,
    /// Control-transfer seal of money orders.
    MoneyOrder,
}

/// Forms of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Form {
    /// Scalable.
    Svg,
    /// Pixels.
    Png,
}

pub(super) fn run(args: &DrawArgs) -> Outcome {
    let (pictures, status) = match &args.file {
        Some(file) => marks(args, file)?,
        None => (vec![specimen(args)?], 0),
    };
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let mut written = Vec::new();
    for picture in pictures {
        let path = picture.write(&args.out, args.format, args.width)?;
        written.push(json!({ "picture": path.display().to_string(), "says": picture.says }));
    }
    output::list(&Value::Array(written), &["picture", "says"], args.target.json)?;
    Ok(ExitCode::from(status))
}

/// One stamp.
struct Picture {
    name: String,
    /// What is to be said beside it.
    says: String,
    svg: String,
}

/// Every mark of a message that can be read, the newest first, and the status of verify.
fn marks(args: &DrawArgs, file: &Path) -> anyhow::Result<(Vec<Picture>, u8)> {
    let named = MarkedMessage { file: file.to_owned(), marks: args.marks.clone(), keys: args.keys.clone() };
    let message = named.read()?;
    let keys = named.keys(&args.target)?;
    let report = verify(&message, keys.as_ref());
    let fields = headers::fields(&message).filter(|field| field.is("Postal-Mark"));
    let mut pictures = Vec::new();
    for (at, (field, judged)) in fields.zip(&report.marks).enumerate() {
        let Ok(mark) = Mark::parse(&field.text()) else { continue };
        let stamp = Stamp::of_mark(&mark, keys.as_ref());
        let findings: Vec<&str> = judged.findings.iter().map(|finding| finding.name()).collect();
        let says = if findings.is_empty() { "valid".to_owned() } else { findings.join(", ") };
        let svg = stamp.svg_judged(&judged.findings);
        pictures.push(Picture { name: format!("{}-{}", at + 1, mark.kind.tag()), says, svg });
    }
    Ok((pictures, report.exit_code()))
}

fn specimen(args: &DrawArgs) -> anyhow::Result<Picture> {
    let at = args.at.unwrap_or_else(|| World::system().now());
    let registry = args.target.configuration()?.registry(at)?;
    let id = args.facility.as_deref().unwrap_or_default();
    let workplace = workplace(&registry, id, args, at)?;
    let specimen = Specimen::of(workplace, at)?;
    let says = format!("specimen of {}", workplace.device().id);
    Ok(Picture { name: format!("{}-specimen", workplace.device().id), says, svg: specimen.svg().to_owned() })
}

fn workplace<'a>(registry: &'a Registry, id: &str, args: &DrawArgs, at: Timestamp) -> anyhow::Result<Workplace<'a>> {
    let id: FacilityId = id.parse().map_err(|error| WrongUse(format!("--facility: {error}")))?;
    let none = || format!("there is no facility {id} at that instant; `poshta facility list` shows all");
    let facility = registry.facility(&id, at).with_context(none)?;
    let operator = registry.operator(&facility.operator).with_context(none)?;
    let device = match &args.device {
        Some(name) => facility.devices.iter().find(|device| device.id.as_str() == name),
        None => facility.device(args.kind.into(), at),
    };
    let device =
        device.with_context(|| format!("facility {id} has no such device; see `poshta facility show {id}`"))?;
    Ok(Workplace::new(operator, facility, device))
}

impl Picture {
    fn write(&self, dir: &Path, form: Form, width: u32) -> anyhow::Result<PathBuf> {
        let (ending, bytes) = match form {
            Form::Svg => ("svg", self.svg.clone().into_bytes()),
            Form::Png => ("png", png(&self.svg, width)?),
        };
        let path = dir.join(format!("{}.{ending}", self.name));
        std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// The drawing in pixels on white paper, with the fonts that letters are set in.
#[cfg(feature = "typeset")]
fn png(svg: &str, width: u32) -> anyhow::Result<Vec<u8>> {
    use resvg::{tiny_skia, usvg};

    let mut options = usvg::Options::default();
    for font in typst_assets::fonts() {
        options.fontdb_mut().load_font_data(font.to_vec());
    }
    let tree = usvg::Tree::from_str(svg, &options).context("the drawing cannot be read")?;
    let size = tree.size().to_int_size().scale_to_width(width).context("a picture of this width cannot be made")?;
    let mut picture =
        tiny_skia::Pixmap::new(size.width(), size.height()).context("a picture of this size cannot be made")?;
    picture.fill(tiny_skia::Color::WHITE);
    let scale = tiny_skia::Transform::from_scale(
        picture.width() as f32 / tree.size().width(),
        picture.height() as f32 / tree.size().height(),
    );
    resvg::render(&tree, scale, &mut picture.as_mut());
    picture.encode_png().context("the picture cannot be written as PNG")
}

#[cfg(not(feature = "typeset"))]
fn png(_: &str, _: u32) -> anyhow::Result<Vec<u8>> {
    anyhow::bail!("this program was built without the feature typeset, which has the fonts; use --format svg")
}

impl From<Kind> for DeviceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Postmark => DeviceKind::Postmark,
            Kind::Surcharge => DeviceKind::Surcharge,
            Kind::Special => DeviceKind::Special,
            Kind::Insurance => DeviceKind::Insurance,
            Kind::Plomb => DeviceKind::Plomb,
            Kind::Rotary => DeviceKind::Rotary,
            Kind::Plate => DeviceKind::Plate,
            Kind::MoneyOrder => DeviceKind::MoneyOrder,
        }
    }
}
