// Every sentence that the server says, for translators: English template to translation. Made by a test tool.
export default {
  "1 run sampled.":
    "1 run sampled.",
  "A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.":
    "A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.",
  "A calibration must have costs.":
    "A calibration must have costs.",
  "A calibration's costs must be those of its layers and ways.":
    "A calibration's costs must be those of its layers and ways.",
  "A calibration's forecasts must be of its noise levels.":
    "A calibration's forecasts must be of its noise levels.",
  "A calibration's layers must be sites.":
    "A calibration's layers must be sites.",
  "A calibration's milliseconds must be in milliseconds.":
    "A calibration's milliseconds must be in milliseconds.",
  "A level of the plan does not have the layers and heads of the plan's model.":
    "A level of the plan does not have the layers and heads of the plan's model.",
  "A path of the plan uses a way that the plan does not define.":
    "A path of the plan uses a way that the plan does not define.",
  "A path of the plan uses residuals of two ways after one full noise level.":
    "A path of the plan uses residuals of two ways after one full noise level.",
  "A picture is not finite (NaN or infinite): see whether it is without a plan, too.":
    "A picture is not finite (NaN or infinite): see whether it is without a plan, too.",
  "A plan must be given as text.":
    "A plan must be given as text.",
  "A run of one step is too short to be measured: it takes {least} or more.":
    "A run of one step is too short to be measured: it takes {least} or more.",
  "A text of letters and numbers in the plan is damaged.":
    "A text of letters and numbers in the plan is damaged.",
  "A way of the plan has more than {most} parameters.":
    "A way of the plan has more than {most} parameters.",
  "A way of the plan has one parameter twice.":
    "A way of the plan has one parameter twice.",
  "A way's parameter must not be called {reserved}.":
    "A way's parameter must not be called {reserved}.",
  "Another node answered {missed} of {expected} attention calls, so that it is not known what was saved and how much the picture changed.":
    "Another node answered {missed} of {expected} attention calls, so that it is not known what was saved and how much the picture changed.",
  "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is which: what it evaluates was computed in full.":
    "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is which: what it evaluates was computed in full.",
  "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in full: put DiTFastAttn's node behind it.":
    "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in full: put DiTFastAttn's node behind it.",
  "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn Calibrate, or paste a plan into the node.":
    "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn Calibrate, or paste a plan into the node.",
  "As predicted.":
    "As predicted.",
  "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.":
    "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.",
  "Calibrated at CFG {measured}, sampled at CFG {sampled}.":
    "Calibrated at CFG {measured}, sampled at CFG {sampled}.",
  "Calibrated at {measured} tokens, sampled at {sampled}.":
    "Calibrated at {measured} tokens, sampled at {sampled}.",
  "Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.":
    "Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.",
  "Calibrated with {measured} steps, sampled with {sampled}.":
    "Calibrated with {measured} steps, sampled with {sampled}.",
  "Calibrated with {measured}, sampled with {sampled}.":
    "Calibrated with {measured}, sampled with {sampled}.",
  "Costs must be in {units}.":
    "Costs must be in {units}.",
  "DiT draws classes and no text: connect ImageNet Class to the sampler.":
    "DiT draws classes and no text: connect ImageNet Class to the sampler.",
  "Each path of the plan must begin with full attention.":
    "Each path of the plan must begin with full attention.",
  "Each path of the plan must have {rows} letters, one for each noise level.":
    "Each path of the plan must have {rows} letters, one for each noise level.",
  "Each text of letters and numbers in the plan must cover {rows} noise levels.":
    "Each text of letters and numbers in the plan must cover {rows} noise levels.",
  "For a larger picture, set calibrate to 'again'.":
    "For a larger picture, set calibrate to 'again'.",
  "From a run with full attention of {steps} steps in this session.":
    "From a run with full attention of {steps} steps in this session.",
  "From {count} of this run's steps that were computed in full.":
    "From {count} of this run's steps that were computed in full.",
  "Give either an error to stay below or a fraction of attention to keep.":
    "Give either an error to stay below or a fraction of attention to keep.",
  "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.":
    "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.",
  "Level {level} computes heads at a noise level at which the model is not evaluated.":
    "Level {level} computes heads at a noise level at which the model is not evaluated.",
  "Level {level} does not have the layers and heads of the plan's model.":
    "Level {level} does not have the layers and heads of the plan's model.",
  "Level {level} must say of every noise level whether the branches share.":
    "Level {level} must say of every noise level whether the branches share.",
  "Level {level} must say of every noise level whether the model is evaluated.":
    "Level {level} must say of every noise level whether the model is evaluated.",
  "Measured in this session, in a run like this one.":
    "Measured in this session, in a run like this one.",
  "Memory ran out while caching, so the rest of the run was computed in full.":
    "Memory ran out while caching, so the rest of the run was computed in full.",
  "Memory ran out, so the caches were dropped and the rest of the run was computed in full.":
    "Memory ran out, so the caches were dropped and the rest of the run was computed in full.",
  "No attention call of the model reached the plan, so that nothing was saved.":
    "No attention call of the model reached the plan, so that nothing was saved.",
  "No attention call of the run can be compressed, since {reason}: nothing was measured.":
    "No attention call of the run can be compressed, since {reason}: nothing was measured.",
  "No attention was found in this model, so the run was made with full attention.":
    "No attention was found in this model, so the run was made with full attention.",
  "No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.":
    "No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.",
  "No milliseconds were measured with this calibration: calibrate again.":
    "No milliseconds were measured with this calibration: calibrate again.",
  "Nothing of the layer, or not all that is computed of it, is planned in INT8.":
    "Nothing of the layer, or not all that is computed of it, is planned in INT8.",
  "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, with a level other than off.":
    "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, with a level other than off.",
  "Nothing to compare: this run followed no plan, and Apply Compression Plan says why.":
    "Nothing to compare: this run followed no plan, and Apply Compression Plan says why.",
  "Nothing to compare: {why}":
    "Nothing to compare: {why}",
  "Nothing to save.":
    "Nothing to save.",
  "Nothing was measured again: {why}. {remedy}":
    "Nothing was measured again: {why}. {remedy}",
  "Nothing was measured: {why}.":
    "Nothing was measured: {why}.",
  "Off: full attention at every step.":
    "Off: full attention at every step.",
  "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and take {there} of full attention's work instead of {here}.":
    "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and take {there} of full attention's work instead of {here}.",
  "One step fewer of {steps} would save {saved}.":
    "One step fewer of {steps} would save {saved}.",
  "Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.":
    "Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.",
  "Outside the part of the noise schedule that the plan was measured on, attention runs in full: {outside} of {steps} steps.":
    "Outside the part of the noise schedule that the plan was measured on, attention runs in full: {outside} of {steps} steps.",
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error {error}.":
    "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error {error}.",
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is predicted for a run like this one.":
    "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is predicted for a run like this one.",
  "Plan {id} in use: {level}; it is not known what it saved.":
    "Plan {id} in use: {level}; it is not known what it saved.",
  "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work computed, predicted error {error}.":
    "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work computed, predicted error {error}.",
  "Queries, keys and values differ in shape, and the Triton kernel serves self-attention.":
    "Queries, keys and values differ in shape, and the Triton kernel serves self-attention.",
  "Runs could not be measured ({why}), and are no longer watched. {remedy}":
    "Runs could not be measured ({why}), and are no longer watched. {remedy}",
  "Sharing cannot save more than all of a layer's attention.":
    "Sharing cannot save more than all of a layer's attention.",
  "Solved in {time}, at most {gap} of the work from the best possible plan.":
    "Solved in {time}, at most {gap} of the work from the best possible plan.",
  "That is the work of {count} of {steps} steps.":
    "That is the work of {count} of {steps} steps.",
  "The CFG is not a finite number ({cfg}): set it to another.":
    "The CFG is not a finite number ({cfg}): set it to another.",
  "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.":
    "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.",
  "The Hopper kernel has no bands; the pointer kernel has.":
    "The Hopper kernel has no bands; the pointer kernel has.",
  "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.":
    "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.",
  "The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.":
    "The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.",
  "The Hopper kernel runs on GPUs of compute capability 9.0 only.":
    "The Hopper kernel runs on GPUs of compute capability 9.0 only.",
  "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.":
    "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.",
  "The INT8 kernel is switched off.":
    "The INT8 kernel is switched off.",
  "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than {allowed} %.":
    "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than {allowed} %.",
  "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} ms.":
    "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} ms.",
  "The Triton kernel computes in float16 and bfloat16, not in {dtype}.":
    "The Triton kernel computes in float16 and bfloat16, not in {dtype}.",
  "The Triton kernel computes no head by {way}.":
    "The Triton kernel computes no head by {way}.",
  "The Triton kernel failed its trial on this GPU: {kind}: {error}.":
    "The Triton kernel failed its trial on this GPU: {kind}: {error}.",
  "The Triton kernel has windows over one grid, and reference pictures have grids of their own.":
    "The Triton kernel has windows over one grid, and reference pictures have grids of their own.",
  "The Triton kernel is switched off by {switch}=0.":
    "The Triton kernel is switched off by {switch}=0.",
  "The Triton kernel needs a positive scale, not {scale}.":
    "The Triton kernel needs a positive scale, not {scale}.",
  "The Triton kernel runs on CUDA and ROCm devices, not on {device}.":
    "The Triton kernel runs on CUDA and ROCm devices, not on {device}.",
  "The Triton kernel takes queries, keys and values of four axes.":
    "The Triton kernel takes queries, keys and values of four axes.",
  "The Triton kernel takes windows or bands in one layer, not both.":
    "The Triton kernel takes windows or bands in one layer, not both.",
  "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete {file} to try it again.":
    "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete {file} to try it again.",
  "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than {allowed} %.":
    "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than {allowed} %.",
  "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} ms.":
    "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} ms.",
  "The Triton kernel's list of key blocks for {tokens} tokens would be too large.":
    "The Triton kernel's list of key blocks for {tokens} tokens would be too large.",
  "The cache budget was reached, so some heads were computed again instead of reused; raise the budget of Apply Compression Plan or choose a milder level.":
    "The cache budget was reached, so some heads were computed again instead of reused; raise the budget of Apply Compression Plan or choose a milder level.",
  "The calibration does not have the layers of the connected model: calibrate again.":
    "The calibration does not have the layers of the connected model: calibrate again.",
  "The calibration runs do not belong together: their noise levels differ.":
    "The calibration runs do not belong together: their noise levels differ.",
  "The calibration runs do not belong together: their steps, layers or ways differ.":
    "The calibration runs do not belong together: their steps, layers or ways differ.",
  "The calibration's inner products of evaluations must be finite, one for each two noise levels.":
    "The calibration's inner products of evaluations must be finite, one for each two noise levels.",
  "The calibration's noise levels must descend.":
    "The calibration's noise levels must descend.",
  "The calibration's {what} has shape {found}, expected {expected}.":
    "The calibration's {what} has shape {found}, expected {expected}.",
  "The calibration's {what} must be finite.":
    "The calibration's {what} must be finite.",
  "The calibration's {what} must not be negative.":
    "The calibration's {what} must not be negative.",
  "The error to stay below, or the fraction of attention to keep, must not be negative.":
    "The error to stay below, or the fraction of attention to keep, must not be negative.",
  "The fused kernels need rows of neighbouring elements that start on 16 bytes.":
    "The fused kernels need rows of neighbouring elements that start on 16 bytes.",
  "The gain of reuse must be finite and above 0.":
    "The gain of reuse must be finite and above 0.",
  "The guard could not check a layer ({error}) and was off from then on.":
    "The guard could not check a layer ({error}) and was off from then on.",
  "The guard was off: this plan does not say what error it expects of each layer. Calibrate again.":
    "The guard was off: this plan does not say what error it expects of each layer. Calibrate again.",
  "The guider combines its branches in a way of its own, so none serves another.":
    "The guider combines its branches in a way of its own, so none serves another.",
  "The guider runs a second model, which is computed in full and takes no part in the plan.":
    "The guider runs a second model, which is computed in full and takes no part in the plan.",
  "The head size is {size}, and the Triton kernel has {sizes}.":
    "The head size is {size}, and the Triton kernel has {sizes}.",
  "The level 'custom' has one budget: set keep_work or keep_attention to 0.":
    "The level 'custom' has one budget: set keep_work or keep_attention to 0.",
  "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with keep_work or keep_attention set, or choose one of the other levels.":
    "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with keep_work or keep_attention set, or choose one of the other levels.",
  "The linked measurements do not belong together with this node's, they differ in {names}: give all Calibrate nodes of a chain the same model, size and sampler settings.":
    "The linked measurements do not belong together with this node's, they differ in {names}: give all Calibrate nodes of a chain the same model, size and sampler settings.",
  "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate nodes of a chain.":
    "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate nodes of a chain.",
  "The model has not been sampled yet: connect the latent of the sampler.":
    "The model has not been sampled yet: connect the latent of the sampler.",
  "The model is split over several GPUs, so attention ran in full.":
    "The model is split over several GPUs, so attention ran in full.",
  "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there is nothing to measure: try another precision, CFG or sampler.":
    "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there is nothing to measure: try another precision, CFG or sampler.",
  "The next run is watched.":
    "The next run is watched.",
  "The next run is watched: its picture is the full one, and every run after it is compressed.":
    "The next run is watched: its picture is the full one, and every run after it is compressed.",
  "The noise levels (sigmas) hold {level}, which is no finite number.":
    "The noise levels (sigmas) hold {level}, which is no finite number.",
  "The papers' methods decide while they sample and leave no measurements: set the linked DiTFastAttn Calibrate to the method 'one run'.":
    "The papers' methods decide while they sample and leave no measurements: set the linked DiTFastAttn Calibrate to the method 'one run'.",
  "The papers' methods know no budget and only one prompt and seed, and their errors are measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib to 0, price to FLOPs and verify to off, and leave measurements unconnected.":
    "The papers' methods know no budget and only one prompt and seed, and their errors are measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib to 0, price to FLOPs and verify to off, and leave measurements unconnected.",
  "The picture is made with full attention.":
    "The picture is made with full attention.",
  "The plan computes heads in a way that this version of the pack does not know ({error}): update DiTFastAttn, or run DiTFastAttn Calibrate on this model.":
    "The plan computes heads in a way that this version of the pack does not know ({error}): update DiTFastAttn, or run DiTFastAttn Calibrate on this model.",
  "The plan could not be started ({error}), so the run was made with full attention.":
    "The plan could not be started ({error}), so the run was made with full attention.",
  "The plan gives a {name} to a noise level that does not follow a forecast one.":
    "The plan gives a {name} to a noise level that does not follow a forecast one.",
  "The plan gives {names} of forecasts at a level that has none.":
    "The plan gives {names} of forecasts at a level that has none.",
  "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose one of {levels}.":
    "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose one of {levels}.",
  "The plan has no level {levels}: its text would be too long.":
    "The plan has no level {levels}: its text would be too long.",
  "The plan has no level {name}; it has {levels}.":
    "The plan has no level {name}; it has {levels}.",
  "The plan holds a number that is not finite.":
    "The plan holds a number that is not finite.",
  "The plan holds a number that is too long.":
    "The plan holds a number that is too long.",
  "The plan is not complete: it lacks {key}.":
    "The plan is not complete: it lacks {key}.",
  "The plan is of a version that does not exist.":
    "The plan is of a version that does not exist.",
  "The plan lacks its model or its measurement.":
    "The plan lacks its model or its measurement.",
  "The plan must evaluate the model at the first noise level.":
    "The plan must evaluate the model at the first noise level.",
  "The plan names one layer twice.":
    "The plan names one layer twice.",
  "The plan names one level twice.":
    "The plan names one level twice.",
  "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.":
    "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.",
  "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.":
    "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.",
  "The plan's heads must be given as texts, one for each layer.":
    "The plan's heads must be given as texts, one for each layer.",
  "The plan's layers must each have a name and a head count.":
    "The plan's layers must each have a name and a head count.",
  "The plan's level expects errors of {count} of {layers} layers; it must be all or none.":
    "The plan's level expects errors of {count} of {layers} layers; it must be all or none.",
  "The plan's levels are not complete.":
    "The plan's levels are not complete.",
  "The plan's marks of evaluated noise levels must be a text of 0 and 1.":
    "The plan's marks of evaluated noise levels must be a text of 0 and 1.",
  "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.":
    "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.",
  "The plan's model fingerprint must be 16 hexadecimal digits.":
    "The plan's model fingerprint must be 16 hexadecimal digits.",
  "The plan's noise positions must descend, each below the one before.":
    "The plan's noise positions must descend, each below the one before.",
  "The plan's paths must be texts of 1 to {most} letters.":
    "The plan's paths must be texts of 1 to {most} letters.",
  "The plan's references must have grids of as many axes as its token grid.":
    "The plan's references must have grids of as many axes as its token grid.",
  "The plan's references to profiles are damaged.":
    "The plan's references to profiles are damaged.",
  "The plan's run was sampled twice: the first one had the GPU's kernels to compile.":
    "The plan's run was sampled twice: the first one had the GPU's kernels to compile.",
  "The plan's seeds must be numbers written as text.":
    "The plan's seeds must be numbers written as text.",
  "The plan's sharing and its evaluated noise levels must be given as texts.":
    "The plan's sharing and its evaluated noise levels must be given as texts.",
  "The plan's sharing must be given as texts of 0 and 1.":
    "The plan's sharing must be given as texts of 0 and 1.",
  "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.":
    "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.",
  "The plan's ways must each have a kind and parameters.":
    "The plan's ways must each have a kind and parameters.",
  "The plan's ways must give {axes} fractions of the grid, one per axis.":
    "The plan's ways must give {axes} fractions of the grid, one per axis.",
  "The plan's {names} must be one for each noise level.":
    "The plan's {names} must be one for each noise level.",
  "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.":
    "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.",
  "The plan's {what} must be a finite number.":
    "The plan's {what} must be a finite number.",
  "The plan's {what} must be a list of {low} to {high} items.":
    "The plan's {what} must be a list of {low} to {high} items.",
  "The plan's {what} must be a number from {low} to {high}.":
    "The plan's {what} must be a number from {low} to {high}.",
  "The plan's {what} must be a whole number from {low} to {high}.":
    "The plan's {what} must be a whole number from {low} to {high}.",
  "The plan's {what} must be plain text of at most {longest} characters.":
    "The plan's {what} must be plain text of at most {longest} characters.",
  "The prediction is not met: choose a milder level.":
    "The prediction is not met: choose a milder level.",
  "The run could not be prepared ({error}), so it was made with full attention.":
    "The run could not be prepared ({error}), so it was made with full attention.",
  "The run did not finish, so nothing was measured and nothing is kept. The next run is watched.":
    "The run did not finish, so nothing was measured and nothing is kept. The next run is watched.",
  "The run was cancelled.":
    "The run was cancelled.",
  "The run was made with full attention.":
    "The run was made with full attention.",
  "The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.":
    "The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.",
  "The sampling run ended without one attention call that can be compressed: nothing was measured.":
    "The sampling run ended without one attention call that can be compressed: nothing was measured.",
  "The sampling run ended without one attention call that can be compressed: nothing was searched.":
    "The sampling run ended without one attention call that can be compressed: nothing was searched.",
  "The strongest compression measured still keeps {part} of the attention.":
    "The strongest compression measured still keeps {part} of the attention.",
  "The strongest compression measured still keeps {part} of the work.":
    "The strongest compression measured still keeps {part} of the work.",
  "The text is JSON, but not a DiTFastAttn plan.":
    "The text is JSON, but not a DiTFastAttn plan.",
  "The text is nested too deeply to be a plan.":
    "The text is nested too deeply to be a plan.",
  "The text is not a plan: it gives one entry twice.":
    "The text is not a plan: it gives one entry twice.",
  "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.":
    "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.",
  "The text is not a plan: it must be one JSON object.":
    "The text is not a plan: it must be one JSON object.",
  "The text is too long for a plan: {length} characters, at most {most} are allowed.":
    "The text is too long for a plan: {length} characters, at most {most} are allowed.",
  "The work outside attention must be finite and not negative.":
    "The work outside attention must be finite and not negative.",
  "There is no level 'custom' to verify: set keep_work or keep_attention above 0.":
    "There is no level 'custom' to verify: set keep_work or keep_attention above 0.",
  "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.":
    "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.",
  "There is no prompt to sample: connect positive and negative, or a guider.":
    "There is no prompt to sample: connect positive and negative, or a guider.",
  "There was not enough GPU memory to try the Triton kernel; it is tried again later.":
    "There was not enough GPU memory to try the Triton kernel; it is tried again later.",
  "This DiT has {classes} classes, and {label} is none of them.":
    "This DiT has {classes} classes, and {label} is none of them.",
  "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected model has {connected}): connect that model, or have a new plan made for this one.":
    "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected model has {connected}): connect that model, or have a new plan made for this one.",
  "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have a new plan made for this one.":
    "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have a new plan made for this one.",
  "To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.":
    "To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.",
  "Triton does not load: {kind}: {error}.":
    "Triton does not load: {kind}: {error}.",
  "Triton is not installed or does not load ({error}).":
    "Triton is not installed or does not load ({error}).",
  "Triton is not installed or does not load ({error}); triton-windows would make this faster.":
    "Triton is not installed or does not load ({error}); triton-windows would make this faster.",
  "Watched: the plan for the runs to come is made.":
    "Watched: the plan for the runs to come is made.",
  "all of the picture, in INT8":
    "all of the picture, in INT8",
  "attends in windows of its own":
    "attends in windows of its own",
  "is a language model that keeps keys and values itself":
    "is a language model that keeps keys and values itself",
  "its batch is not the sampler's":
    "its batch is not the sampler's",
  "makes its video part by part from keys and values that it keeps itself":
    "makes its video part by part from keys and values that it keeps itself",
  "no LoRA":
    "no LoRA",
  "no attention call that can be compressed was seen, or the run was too short.":
    "no attention call that can be compressed was seen, or the run was too short.",
  "no reference pictures":
    "no reference pictures",
  "queries and keys differ in shape":
    "queries and keys differ in shape",
  "references of {sizes} tokens":
    "references of {sizes} tokens",
  "sigmas holds no step: connect the noise levels that you sample with.":
    "sigmas holds no step: connect the noise levels that you sample with.",
  "the model does not attend in {layer} as the plan says":
    "the model does not attend in {layer} as the plan says",
  "the model masks its attention":
    "the model masks its attention",
  "{count} known already.":
    "{count} known already.",
  "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.":
    "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.",
  "{count} runs sampled.":
    "{count} runs sampled.",
  "{extent} of the picture":
    "{extent} of the picture",
  "{extent} of the picture, in INT8":
    "{extent} of the picture, in INT8",
  "{extent} of the picture, the rest pooled":
    "{extent} of the picture, the rest pooled",
  "{extent} of the picture, the rest pooled, in INT8":
    "{extent} of the picture, the rest pooled, in INT8",
  "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})":
    "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})",
  "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})":
    "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})",
  "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because they may run code. Look for a safetensors file of the model.":
    "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because they may run code. Look for a safetensors file of the model.",
  "{file} holds more than the tensors of one model.":
    "{file} holds more than the tensors of one model.",
  "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's Load VAE may know it.":
    "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's Load VAE may know it.",
  "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load Diffusion Model may know it.":
    "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load Diffusion Model may know it.",
  "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have another shape ({examples}).":
    "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have another shape ({examples}).",
  "{file} looks like {model}, and its size is none that is known ({error}).":
    "{file} looks like {model}, and its size is none that is known ({error}).",
  "{first} {second}":
    "{first} {second}",
  "{half} of the tokens to either side":
    "{half} of the tokens to either side",
  "{layer} could not be compressed ({reason}); the rest of the run was computed in full.":
    "{layer} could not be compressed ({reason}); the rest of the run was computed in full.",
  "{layer} ran in full: another node has put a function of its own in the place of its layer.":
    "{layer} ran in full: another node has put a function of its own in the place of its layer.",
  "{layer} ran in full: {reason}.":
    "{layer} ran in full: {reason}.",
  "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.":
    "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.",
  "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), attempt {count}.":
    "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), attempt {count}.",
  "{level}: {note}":
    "{level}: {note}",
  "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove the node, or load one of those that are covered ({covered}).":
    "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove the node, or load one of those that are covered ({covered}).",
  "{model} {reason}, so it runs with full attention: bypass or remove the node.":
    "{model} {reason}, so it runs with full attention: bypass or remove the node.",
  "{name} must be finite, not {wrong}: set it to what you sample with.":
    "{name} must be finite, not {wrong}: set it to what you sample with.",
  "{node} leaves out steps as well: what that changes comes on top of the predicted error.":
    "{node} leaves out steps as well: what that changes comes on top of the predicted error.",
  "{part} of the attention cells run in full because this run's steps are too far apart for their caches.":
    "{part} of the attention cells run in full because this run's steps are too far apart for their caches.",
  "{recalled} of {steps} steps that the plan forecasts are computed, because this run's steps are too far apart for a forecast.":
    "{recalled} of {steps} steps that the plan forecasts are computed, because this run's steps are too far apart for a forecast.",
  "{steps} of {of} steps, the same work, err by {error}.":
    "{steps} of {of} steps, the same work, err by {error}."
}
